"""``asm reasons``: every code, where it arises, what it means, what to do, and an example."""

from typing import Annotated, Any

import typer

from processors.reasons import REASONS, Kind
from schemas.reason_examples import ReasonExample, reason_examples
from streams.commands.terminal import OUT, REFUSED, Json, complain, print_json, table
from streams.wording import as_json

HELP = """Explain a code of a refusal, a finding or a score: where it arises, what it means, what to do, and an example.

Without CODE: all of them."""
#: Where a code of each kind arises, and where it can be read.
ARISES = {
    Kind.REFUSAL: "at admission or intake: the event is not taken in; asm.refusals.v1 and the dead letters, or the "
    "command's standard error",
    Kind.FINDING: "about an event that was taken in; asm.findings.v1, OPEN until it clears",
    Kind.REASON: "in a score or an obligation; asm.scores.v1, asm.compliance.v1, `asm explain`",
}


def reasons(
    code: Annotated[str | None, typer.Argument(help="A code, such as MALFORMED_NPI; in small letters too.")] = None,
    json: Json = False,
) -> None:
    """Explain codes."""
    if code is None:
        _list(json=json)
        return
    wanted = code.upper()
    if wanted not in REASONS:
        near = [known for known in REASONS if wanted in known]
        complain(f"There is no code {wanted}" + (f"; there are {', '.join(near)}." if near else ": `asm reasons`."))
        raise typer.Exit(REFUSED)
    document = _document(wanted)
    if json:
        print_json(document)
    else:
        _show(document, reason_examples()[wanted])


def _list(*, json: bool) -> None:
    if json:
        print_json([_document(code) for code in sorted(REASONS)])
        return
    rows = [(code, m.kind, m.meaning, m.remedy) for code, m in sorted(REASONS.items())]
    OUT.print(table(f"{len(rows)} codes", ("code", "kind", "means", "what to do"), rows))


def _document(code: str) -> dict[str, Any]:
    meaning, example = REASONS[code], reason_examples()[code]
    return {
        "code": code,
        "kind": meaning.kind,
        "arises": ARISES[meaning.kind],
        "meaning": meaning.meaning,
        "remedy": meaning.remedy,
        "cites": list(meaning.cites),
        "example": {"says": example.says, "event": example.event},
    }


def _show(document: dict[str, Any], example: ReasonExample) -> None:
    rows: list[tuple[str, object]] = [
        ("arises", f"{document['kind']} – {document['arises']}"),
        ("means", document["meaning"]),
        ("what to do", document["remedy"]),
        ("cites", ", ".join(document["cites"]) or None),
        ("for example", example.says),
    ]
    if example.event is not None:
        told = [f"{key} = {as_json(value)}" for key, value in example.change.items()]
        told += [f"no {key}" for key in example.without]
        rows.append(("in the event", f"{example.event['type']} {', '.join(told) or 'as in schemas/examples'}"))
    OUT.print(table(document["code"], ("", ""), [row for row in rows if row[1] is not None]))
