"""What the fuzzers begin with: valid inputs of every decoder, of the examples and of a few lines of each format."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fastavro

from processors.announced import NOTHING, Announced
from processors.episodes import episode_rules, usable_lines
from processors.ledger import Ledger, fold_claim
from schemas.cloudevents import parse_event
from schemas.codec import RECORDS, encode, newest_schema
from schemas.packed_ledger import packed
from schemas.plain import from_plain, to_avro
from schemas.state import ClinicianRecord, PartitionMark, PracticeRecord, pack
from schemas.topics import INBOUND, contract
from streams.admission import Rules, inbound_of
from tests.fuzz.files import RULEBOOK_FILES, vintage_texts
from tests.making import (
    IN_WINDOW,
    NPI,
    OTHER_NPI,
    TIN,
    TOKEN,
    attested,
    claim,
    facts,
    listed,
    observed,
    quality,
    receipt,
    rulebook,
)

EXAMPLES = sorted((Path(__file__).parents[2] / "schemas" / "examples").glob("*/*.json"))
_INBOUND = {record for topic in contract().topics.values() if topic.role == INBOUND for record in topic.records}
_RIF = {
    "DML_IND": "INSERT", "BENE_ID": "-7701", "CLM_ID": "-500", "CLM_GRP_ID": "-600", "FINAL_ACTION": "F",
    "NCH_CLM_TYPE_CD": "71", "CLM_FROM_DT": "03-May-2027", "CLM_THRU_DT": "04-May-2027",
    "NCH_WKLY_PROC_DT": "14-May-2027", "CARR_CLM_ENTRY_CD": "1", "CLM_DISP_CD": "1", "CARR_CLM_PMT_DNL_CD": "1",
    "PRNCPAL_DGNS_CD": "I5022", "ICD_DGNS_CD1": "I5022", "LINE_NUM": "1", "PRF_PHYSN_NPI": NPI,
    "TAX_NUM": "640000321", "PRVDR_ZIP": "606110001", "PRVDR_SPCLTY": "06", "LINE_SRVC_CNT": "1",
    "LINE_1ST_EXPNS_DT": "03-May-2027", "HCPCS_CD": "99214", "LINE_NCH_PMT_AMT": "90.40", "LINE_ICD_DGNS_CD": "E119",
}  # fmt: skip
_PERSON = {
    "NPI": NPI, "FIRST_NAME": "Ilse", "LAST_NAME": "Ode", "ASM_COHORT": "Heart Failure",
    "ORGANIZATION_LEGAL_NAME": '"Ode Heart, PC"', "ASM_CY27_PARTICIPANT": "Y", "ASM_CY27_SMALLPRACTICE": "N",
    "ASM_CY28_PARTICIPANT": "X", "ASM_CY28_SMALLPRACTICE": "",
}  # fmt: skip
_QUALITY = {"measureId": "236", "value": {"eligiblePopulation": 40, "performanceMet": 31, "performanceNotMet": 9}}
_RATE = {"measureId": "PI_HIE_1", "value": {"numerator": 9, "denominator": 10}}


def records() -> list[bytes]:
    """Framed bytes of every example."""
    return [encode(_record(path)) for path in EXAMPLES]


def inbound() -> list[bytes]:
    """Inbound records of every example that may arrive, as the harness of admission lays them out."""
    found = []
    for path in EXAMPLES:
        if path.parent.name in _INBOUND:
            lying = inbound_of(parse_event(path.read_bytes()).event, Rules(partitions=4))
            topic = contract().inbound().index(lying.topic)
            head = bytes((topic, lying.partition, 7, 10, 0)).ljust(8, b"\0") + (1_835_000_000_000).to_bytes(8, "big")
            found.append(head + (lying.key or b"") + (lying.value or b""))
    return found


def json_lines() -> list[bytes]:
    """The JSON form of every example that may arrive, and a file of three."""
    lines = [json.dumps(json.loads(path.read_text())).encode() for path in EXAMPLES if path.parent.name in _INBOUND]
    return [*lines, b"\n".join(lines[:3]) + b"\n", b"\xef\xbb\xbf" + lines[0]]


def containers() -> list[bytes]:
    """Containers of claims, listings and submissions, plain and compressed, without their magic."""
    found = []
    for codec in ("null", "deflate", "bzip2", "xz"):
        for event in (claim(), listed(), quality()):
            stream = BytesIO()
            schema, received = newest_schema(type(event).__name__).parsed, {"asm.received_at": IN_WINDOW.isoformat()}
            fastavro.writer(stream, schema, [to_avro(event)] * 2, codec=codec, metadata=received)
            found.append(stream.getvalue()[4:])
    return found


def qpp() -> list[bytes]:
    """Files of each category, of a clinician and of a group, bare, listed and wrapped as the API answers."""
    quality_set, pi = _set("quality", _QUALITY, submissionMethod="registry"), _set("pi", _RATE, cehrtId="2027C")
    activities = _set("ia", {"measureId": "ASM_IA_1", "value": True}, {"measureId": "ASM_IA_2", "value": False})
    strata = _set("quality", {"measureId": "236", "value": {"strata": [{"stratum": "a", "performanceMet": 3}]}})
    whole = _submission(quality_set, pi, activities)
    documents: list[Any] = [whole, [whole], {"data": {"submission": _submission(strata, entityType="group")}}]
    return [json.dumps(document).encode() for document in documents]


def rif() -> list[bytes]:
    """A claim of one line, and a claim of two with its correction."""
    corrected = {"DML_IND": "UPDATE", "FINAL_ACTION": "N", "CLM_ID": "-501"}
    return [_delimited("|", _RIF), _delimited("|", _RIF, _RIF | {"LINE_NUM": "2", "TAX_NUM": ""}, _RIF | corrected)]


def participants() -> list[bytes]:
    """A list of two."""
    return [_delimited(",", _PERSON, _PERSON | {"NPI": OTHER_NPI, "ASM_CY27_PARTICIPANT": "no"})]


def practices() -> list[bytes]:
    """Two ways of joining, with and without an alias."""
    return [f"npi,tin,practice_alias\r\n{NPI},640000321,north\r\n".encode(), f"NPI,TIN\n{NPI},640000321\n".encode()]


def identifiers() -> list[bytes]:
    """A beneficiary file."""
    return [b"BENE_ID|MBI_NUM\n-7701|1EG4-TE5-MK73\n-7702|\n"]


def crosswalk() -> list[bytes]:
    """A ZIP code in two areas, one in a division, one in none."""
    return [b"ZIP,CBSA,METDIV,TOT_RATIO\n00001,10001,,0.4\n1,10002,,0.6\n00002,10001,10003,1E-05\n3,99999,,1\n"]


def mandatory() -> list[bytes]:
    """Two areas."""
    return [b"AREA,TITLE\n10001,Somewhere\n10002,\n"]


def rulebook_files() -> list[bytes]:
    """The files that the harness reads, as they ship."""
    texts = vintage_texts()
    return [bytes((number,)) + texts[name].encode() for number, name in enumerate(RULEBOOK_FILES)]


def states() -> list[bytes]:
    """A record of each kind."""
    year = facts(listed(), quality(), receipt(), attested())
    practice = PracticeRecord(facts=year.practice, announced=Announced(), next_change_at=IN_WINDOW + timedelta(days=1))
    clinicians = [ClinicianRecord(facts=one, announced=NOTHING) for one in year.clinicians.values()]
    rules = (episode_rules(rulebook()),)
    ledger = fold_claim(Ledger(tin=TIN, beneficiary=TOKEN), observed(claim()), lambda event: usable_lines(event, rules))
    mark = PartitionMark(applied=7, as_of=IN_WINDOW, engine=1, rulebooks={"2027": "0" * 64})
    found = [(0, pack(practice)), *((1, pack(one)) for one in clinicians), (2, pack(packed(ledger, None)))]
    return [bytes((kind,)) + value for kind, value in [*found, (3, pack(mark))]]


def _record(path: Path) -> Any:
    if path.parent.name in _INBOUND:
        return parse_event(path.read_bytes()).event
    return from_plain(json.loads(path.read_text(), parse_float=Decimal), RECORDS[path.parent.name])


def _set(category: str, *measurements: Any, **given: str) -> dict[str, Any]:
    dates = {"performanceStart": "2027-01-01", "performanceEnd": "2027-12-31"}
    return {"category": category, **dates, "measurements": list(measurements)} | given


def _submission(*sets: Any, **given: str) -> dict[str, Any]:
    whose = {"entityType": "individual", "taxpayerIdentificationNumber": "640000321", "nationalProviderIdentifier": NPI}
    return whose | {"performanceYear": 2027, "measurementSets": list(sets)} | given


def _delimited(delimiter: str, *rows: Mapping[str, str]) -> bytes:
    return b"".join((delimiter.join(row) + "\n").encode() for row in (list(rows[0]), *(r.values() for r in rows)))


#: Made once: event ids rise with each event that is made.
SEEDS: Mapping[str, Callable[[], list[bytes]]] = MappingProxyType(
    {
        "codec": cache(records),
        "admission": cache(inbound),
        "state": cache(states),
        "json_lines": cache(json_lines),
        "container": cache(containers),
        "qpp": cache(qpp),
        "rif": cache(rif),
        "participants": cache(participants),
        "practices": cache(practices),
        "identifiers": cache(identifiers),
        "crosswalk": cache(crosswalk),
        "mandatory": cache(mandatory),
        "rulebook": cache(rulebook_files),
    }
)
