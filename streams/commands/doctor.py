"""``asm doctor``: is everything well, and if not what to do."""

import typer
from rich.table import Table
from rich.text import Text

from infra.settings import Settings
from streams.commands.terminal import ERR, OUT, Json, print_json
from streams.doctor.checks import Check, Verdict
from streams.doctor.examination import examine, exit_code

HELP = """See whether everything is well: broker, topics, clocks, workers, state, SQL view, refusals, disk.

Each line says what was seen, and what to do. Nothing is written. Where records wait it looks twice, some seconds apart.
Exit code 0: nothing failed (warnings are allowed); 1: a check failed; 3: a machine cannot be reached."""
_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.UNKNOWN: "dim"}


def doctor(json: Json = False) -> None:
    """Examine everything."""
    with ERR.status("Looking ...") if ERR.is_terminal else ERR.capture():
        checks = list(examine(Settings()))
    code = exit_code(checks)
    if json:
        print_json({"exit_code": code, "checks": [_document(check) for check in checks]})
    else:
        OUT.print(_drawn(checks))
    raise typer.Exit(code)


def _drawn(checks: list[Check]) -> Table:
    drawn = Table(title="Is everything well?", title_justify="left", header_style="bold")
    drawn.add_column("check", overflow="fold", min_width=10)
    drawn.add_column("", no_wrap=True)
    drawn.add_column("seen, and what to do", overflow="fold")
    for check in checks:
        told = Text(check.seen)
        for more in (check.remedy, check.page and f"See {check.page}"):
            if more:
                told.append(f"\n{more}", style="italic" if more == check.remedy else "dim")
        drawn.add_row(check.name, Text(check.verdict.value, style=_STYLES[check.verdict]), told)
    return drawn


def _document(check: Check) -> dict[str, object]:
    return {
        "check": check.name,
        "verdict": check.verdict.value,
        "seen": check.seen,
        "remedy": check.remedy,
        "page": check.page,
        "details": list(check.details),
    }
