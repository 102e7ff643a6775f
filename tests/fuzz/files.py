"""Decoders of files: what is read is given to admission's own check, as ``asm ingest`` does."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from importlib.resources import files
from io import BytesIO, TextIOWrapper
from types import MappingProxyType

from infra.rulebooks import AREAS, DEFAULT_VINTAGE
from processors.identity import Npi, Tin
from processors.rulebook import FILES, RulebookError
from processors.rulebook.seal import _build as build
from processors.rulebook.seal import _canonical as canonical
from processors.rulebook.seal import _parse as parse
from processors.rulebook.seal import _performance_years as performance_years
from processors.rulebook.seal import _resolve as resolve
from processors.vocabulary import ParticipantList
from schemas.cloudevents import render_event
from schemas.intake.crosswalk import areas_of, areas_text, read_crosswalk, read_mandatory
from schemas.intake.participants import ListOptions, Practice, read_participants, read_practices
from schemas.intake.qpp import Proof, read_qpp
from schemas.intake.reading import Noted, Read, Reading, Refused
from schemas.intake.rif import RifOptions, read_identifiers, read_rif
from schemas.tokens import beneficiary_token
from streams.admission import Rules
from streams.commands.files import events_in, refusal_of
from tests.making import IN_WINDOW, NPI, OTHER_NPI, TIN

_RULES = Rules(partitions=1, accept_test_identifiers=True)
_RIF = RifOptions(source="rif-file", token=partial(beneficiary_token, key=b"k" * 32, version=1), tin=TIN)
_LIST = ListOptions(source="cms", list=ParticipantList.FINAL, list_id="L1", published_on=date(2026, 8, 15))
_PRACTICES: Mapping[Npi, list[Practice]] = MappingProxyType(
    {NPI: [Practice(TIN, "north")], OTHER_NPI: [Practice(TIN, "north"), Practice(Tin("640000322"), None)]}
)
TERMS = "512_705_terms.toml"
RULEBOOK_FILES = (AREAS, TERMS, "512_725_benchmarks.toml", "512_725_quality.toml")


def told(readings: Iterable[Reading]) -> None:
    """Each reading is an event that can be told on, a note, or a refusal with its reason and place."""
    for reading in readings:
        assert isinstance(reading, Read | Refused | Noted)
        if isinstance(reading, Read) and refusal_of(reading, _RULES) is None:
            assert render_event(reading.event, reading.time or IN_WINDOW)
        elif isinstance(reading, Refused):
            assert reading.reason
            assert reading.where


def events(content: bytes) -> None:
    """Our own events: JSON Lines, or an Avro container where the file begins like one."""
    told(events_in(BytesIO(content), "e"))


def container(content: bytes) -> None:
    """An Avro container, whatever follows its magic."""
    told(events_in(BytesIO(b"Obj\x01" + content), "e.avro"))


def qpp(content: bytes) -> None:
    """QPP Submissions API JSON."""
    told(read_qpp(content, "f.json", "qpp-file", Proof()))


def rif(content: bytes) -> None:
    """Carrier claims."""
    told(read_rif(BytesIO(content), "carrier.csv", _RIF))


def participants(content: bytes) -> None:
    """CMS's list of participants."""
    told(read_participants(BytesIO(content), "list.csv", _PRACTICES, _LIST))


def practices(content: bytes) -> None:
    """The file that joins npi to tin."""
    for item in read_practices(BytesIO(content), "tins.csv"):
        assert isinstance(item, tuple | Refused)


def identifiers(content: bytes) -> None:
    """The beneficiary file, and tokens of what it says."""
    for item in read_identifiers(BytesIO(content), "bene.csv"):
        assert isinstance(item, Refused) or beneficiary_token(item[1], b"k" * 32, 1)


def crosswalk(content: bytes) -> None:
    """A ZIP code crosswalk: what is read can be written as areas of the rulebook."""
    rows = [row for row in read_crosswalk(BytesIO(content), "zip.csv") if not isinstance(row, Refused)]
    assert _areas_text(areas_of(rows), ["10001"])


def mandatory(content: bytes) -> None:
    """The list of mandatory areas, likewise."""
    codes = [code for code in read_mandatory(BytesIO(content), "m.csv") if not isinstance(code, Refused)]
    assert _areas_text({}, codes)


def _areas_text(areas: Mapping[str, str], codes: Iterable[str]) -> str:
    return areas_text(areas, codes, ("zip.csv", "m.csv"), (DEFAULT_VINTAGE, date(2026, 8, 15)))


def vintage_texts() -> dict[str, str]:
    """The files of the vintage that ships."""
    folder = files("processors.rulebook").joinpath(DEFAULT_VINTAGE)
    return {name: folder.joinpath(name).read_text() for name in FILES}


def rulebook(content: bytes) -> None:
    """A file of a vintage, which the first byte chooses: its section, or RulebookError.

    Goes by the steps of ``seal`` for the one file alone: sealing all thirteen takes a hundred times as long.
    """
    name = RULEBOOK_FILES[content[0] % len(RULEBOOK_FILES)] if content else AREAS
    try:
        entries = parse(name, TextIOWrapper(BytesIO(content[1:]), encoding="utf-8").read())  # with universal newlines
        years = performance_years(entries) if name == TERMS else [2027]
        for year in years[:2]:
            resolved = resolve(name, entries, year, years)
            assert canonical(resolved)
            assert build(name, FILES[name][1], resolved).sources is not None
    except UnicodeDecodeError:
        return  # named by infra.rulebooks, which reads files
    except RulebookError:
        return
