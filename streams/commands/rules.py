"""``asm rules``: the law as it is held here, value by value, with its citation and how sure it is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks, read_rulebooks, vintages
from infra.settings import Settings
from processors.rulebook import Rulebook, RulebookError, Standing
from processors.rulebook.entries import Difference, Entry, differences, entries_of
from schemas.intake.crosswalk import areas_of, areas_text, read_crosswalk, read_mandatory
from schemas.intake.reading import Refused
from schemas.plain import to_avro
from streams.commands.terminal import OUT, REFUSED, Json, complain, print_json, table
from streams.rulebook_texts import LEAST_DIGEST, text_of
from streams.wording import as_json

app = typer.Typer(no_args_is_help=True, help="The law as data: every value, where it stands, and how sure it is.")
T = TypeVar("T")
_LONG = 100

Vintage = Annotated[str, typer.Option(help="Vintage, or a folder with one of yours.")]
Year = Annotated[int | None, typer.Option(help="Performance year; none: all.")]


@app.command("list")
def list_values(
    vintage: Vintage = DEFAULT_VINTAGE,
    year: Year = None,
    standing: Annotated[Standing | None, typer.Option(help="Only values that are known so well.")] = None,
    json: Json = False,
) -> None:
    """List every value; with --standing assumed, what a person must look up."""
    found = [e for e in _entries(vintage, year) if standing is None or e.source.standing is standing]
    _tell(found, json=json)


@app.command()
def show(
    cite: Annotated[str | None, typer.Argument(help="Citation, such as 512.725.")] = None,
    digest: Annotated[str | None, typer.Option(help="Digest of a rulebook, or how it begins: print its text.")] = None,
    vintage: Vintage = DEFAULT_VINTAGE,
    year: Year = None,
    json: Json = False,
) -> None:
    """Show what rests on a citation, or the whole text that a digest stands for."""
    if (cite is None) == (digest is None):
        raise typer.BadParameter("give a citation, or --digest")
    if digest is not None:
        _show_text(digest)
        return
    wanted = str(cite)
    found = [e for e in _entries(vintage, year) if any(wanted in text for text in e.source.cites)]
    if not found:
        complain(f"No value of {vintage} cites {wanted}.")
        raise typer.Exit(REFUSED)
    _tell(found, json=json)


@app.command()
def check(
    folders: Annotated[
        list[Path] | None, typer.Argument(exists=True, file_okay=False, help="Vintages of yours.")
    ] = None,
    json: Json = False,
) -> None:
    """Seal every vintage that ships, and folders of yours; say what is wrong with the first that cannot be."""
    rows: list[dict[str, object]] = []
    refused = []
    for name in [*vintages(), *(str(folder) for folder in folders or [])]:
        try:
            books = _books(name)
        except RulebookError as error:
            refused.append({"vintage": name, "error": str(error)})
            continue
        rows += [
            {"vintage": b.vintage, "performance_year": y, "values": len(list(entries_of(b))), "digest": b.digest}
            for y, b in books.items()
        ]
    if json:
        print_json({"sealed": rows, "refused": refused})
    else:
        columns = ("vintage", "performance_year", "values", "digest")
        OUT.print(table("Sealed", columns, ([row[c] for c in columns] for row in rows)))
        for row in refused:
            complain(f"{row['vintage']}: {row['error']}")
    raise typer.Exit(REFUSED if refused else 0)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="Vintage, or a folder.")],
    after: Annotated[str, typer.Argument(help="Vintage, or a folder.")],
    json: Json = False,
) -> None:
    """Say what differs between two vintages, year by year."""
    old, new = _checked(before), _checked(after)
    found = [d for year in sorted(old.keys() & new.keys()) for d in differences(old[year], new[year])]
    if json:
        print_json([_difference(d) for d in found])
        return
    rows = ((d.key, d.performance_year, _described(d.before), _described(d.after)) for d in found)
    OUT.print(table(f"{len(found)} values differ", ("key", "year", before, after), rows))


@app.command()
def areas(
    crosswalk: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV: ZIP, CBSA, TOT_RATIO.")],
    mandatory: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="CSV: AREA, CMS's mandatory areas.")],
    verified: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which you checked both.")],
    vintage: Vintage = DEFAULT_VINTAGE,
) -> None:
    """Make the file of areas of a ZIP code crosswalk and CMS's list; give it to ASM_AREAS_FILE."""
    with crosswalk.open("rb") as lines:
        rows = _accepted(read_crosswalk(lines, str(crosswalk)))
    with mandatory.open("rb") as lines:
        codes = _accepted(read_mandatory(lines, str(mandatory)))
    sources = (crosswalk.name, mandatory.name)
    OUT.file.write(areas_text(areas_of(rows), codes, sources, (vintage, verified.date())))


def _accepted(found: Iterable[T | Refused]) -> list[T]:
    """Return what was read; where a line is refused, say each and end the command."""
    read = list(found)
    refused = [item for item in read if isinstance(item, Refused)]
    for item in refused:
        complain(f"refused {item.reason}: {item.detail} ({item.where})")
    if refused:
        raise typer.Exit(REFUSED)
    return [item for item in read if not isinstance(item, Refused)]


def _books(vintage: str) -> Mapping[int, Rulebook]:
    return read_rulebooks(Path(vintage)) if Path(vintage).is_dir() else load_rulebooks(vintage)


def _checked(vintage: str) -> Mapping[int, Rulebook]:
    try:
        return _books(vintage)
    except RulebookError as error:
        raise typer.BadParameter(str(error)) from error


def _entries(vintage: str, year: int | None) -> list[Entry]:
    books = _checked(vintage)
    if year is not None and year not in books:
        raise typer.BadParameter(f"{vintage} has {', '.join(map(str, books))}")
    return [e for y, book in books.items() if year is None or y == year for e in entries_of(book)]


def _tell(entries: Sequence[Entry], *, json: bool) -> None:
    if json:
        print_json([_entry(e) for e in entries])
        return
    rows = [
        (e.key, years, _short(e.value), e.source.unit, e.source.meaning, ", ".join(e.source.cites), e.source.standing)
        for e, years in _years_together(entries)
    ]
    OUT.print(table(f"{len(rows)} values", ("key", "years", "value", "unit", "means", "cites", "standing"), rows))


def _years_together(entries: Iterable[Entry]) -> Iterable[tuple[Entry, str]]:
    """Show a value that is the same in several years once."""
    ordered = sorted(entries, key=lambda e: (e.key, e.performance_year))
    for _, group in groupby(ordered, key=lambda e: (e.key, repr(e.value), e.source)):
        same = list(group)
        first, last = same[0].performance_year, same[-1].performance_year
        yield same[0], str(first) if first == last else f"{first}–{last}"


def _entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON shows it; a unit of none is written out."""
    return {
        "key": entry.key,
        "value": to_avro(entry.value),
        "performance_year": entry.performance_year,
        "vintage": entry.vintage,
        "meaning": entry.source.meaning,
        "unit": entry.source.unit,
        "cites": list(entry.source.cites),
        "standing": entry.source.standing,
        "verified": entry.source.verified,
    }


def _difference(d: Difference) -> dict[str, Any]:
    sides = {"before": d.before, "after": d.after}
    return {"key": d.key, "performance_year": d.performance_year} | {
        name: None if e is None else {"value": to_avro(e.value), "standing": e.source.standing}
        for name, e in sides.items()
    }


def _described(entry: Entry | None) -> str:
    return "–" if entry is None else f"{_short(entry.value)} ({entry.source.standing})"


def _short(value: object) -> str:
    text = as_json(to_avro(value)).strip('"')
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _show_text(digest: str) -> None:
    if len(digest) < LEAST_DIGEST:
        raise typer.BadParameter(f"a digest, or at least its first {LEAST_DIGEST} digits")
    text = text_of(Settings(), digest)
    if text is None:
        complain(f"No rulebook that ships, and none on the cluster, has the digest {digest}.")
        raise typer.Exit(REFUSED)
    OUT.print(text, markup=False, soft_wrap=True)
