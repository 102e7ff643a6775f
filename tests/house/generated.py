"""Pages that are written from tables: ``make docs`` writes them, a test holds them equal."""

from pathlib import Path

from processors.reasons import REASONS, Kind

DOCS = Path(__file__).parents[2] / "docs"
_TITLES = {
    Kind.REFUSAL: (
        "Refusals",
        """No rulebook could accept it, or it cannot be made into an event: it is not taken in. At admission a refusal
is written to `asm.refusals.v1` (without payload) and `asm.dead-letters.v1`; at intake to standard error.""",
    ),
    Kind.FINDING: (
        "Findings",
        """It was taken in and is wrong or doubtful: a `FindingChanged` on `asm.findings.v1`, OPEN until it clears.
Nothing is lost, and nobody else is concerned.""",
    ),
    Kind.REASON: ("Reasons", "Why a part of a score or an obligation is what it is."),
}


def reasons_page() -> str:
    """Return ``docs/reasons.md``."""
    lines = ["# Codes: where they arise, what they mean, what to do", ""]
    lines += ["Written from `processors/reasons.py` by `make docs`.", ""]
    for kind, (title, what) in _TITLES.items():
        lines += [f"## {title}", "", what, "", "| code | means | what to do |", "| --- | --- | --- |"]
        rows = sorted((code, m) for code, m in REASONS.items() if m.kind is kind)
        lines += [f"| `{code}` | {_cited(m.meaning, m.cites)} | {m.remedy} |" for code, m in rows]
        lines.append("")
    return "\n".join(lines)


def _cited(meaning: str, cites: tuple[str, ...]) -> str:
    return meaning + (f" ({', '.join(cites)})" if cites else "")


PAGES = {"reasons.md": reasons_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
