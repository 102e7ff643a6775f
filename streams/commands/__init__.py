"""The command line ``asm``: one file a command group.

Exit codes: 0 done, 1 refused input or a check that failed, 2 usage, 3 a machine is unavailable.
"""

import sys

import typer
from pydantic import ValidationError

from infra.errors import LogLost, Unavailable
from infra.feeds import FeedsFileError
from processors.rulebook import RulebookError
from streams.commands import (
    alerts,
    assess,
    broker,
    calendar,
    console,
    dead_letters,
    demo,
    doctor,
    explain,
    feeds,
    ingest,
    journal,
    missing,
    next_steps,
    project,
    reasons,
    replay,
    rules,
    simulate,
    standings,
    status,
    topics,
    watch,
    what_if,
    worker,
)
from streams.commands.terminal import REFUSED, UNAVAILABLE, USAGE, complain
from streams.generations import ReplayRefused

app = typer.Typer(
    name="asm",
    help="Scores, missing submissions and proof of receipt under Medicare's Ambulatory Specialty Model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)


@app.callback()
def _asm() -> None:
    """Scores, missing submissions and proof of receipt under Medicare's Ambulatory Specialty Model."""


app.command(name="assess", help=assess.HELP)(assess.assess_files)
app.command(name="worker", help=worker.HELP)(worker.work)
app.command(name="project", help=project.HELP)(project.project)
app.command(name="standings", help=standings.HELP)(standings.standings)
app.command(name="demo", help=demo.HELP)(demo.demo)
app.add_typer(ingest.app, name="ingest")
app.command(name="status", help=status.HELP)(status.status)
app.command(name="missing", help=missing.HELP)(missing.missing)
app.command(name="next", help=next_steps.HELP)(next_steps.next_steps)
app.command(name="explain", help=explain.HELP)(explain.explain)
app.command(name="what-if", help=what_if.HELP)(what_if.what_if)
app.command(name="console", help=console.HELP)(console.console)
app.command(name="simulate", help=simulate.HELP)(simulate.simulate)
app.command(name="calendar", help=calendar.HELP)(calendar.calendar)
app.command(name="reasons", help=reasons.HELP)(reasons.reasons)
app.add_typer(feeds.app, name="feeds")
app.add_typer(alerts.app, name="alerts")
app.command(name="watch", help=watch.HELP)(watch.watch)
app.command(name="doctor", help=doctor.HELP)(doctor.doctor)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(replay.app, name="replay")
app.add_typer(rules.app, name="rules")
app.add_typer(broker.app, name="broker")
app.add_typer(topics.app, name="topics")
app.add_typer(journal.app, name="journal")


def main() -> None:
    """Run the command line; settings that cannot be end it with 2, a machine that is unavailable with 3."""
    try:
        app()
    except Unavailable as error:
        complain(str(error))
        sys.exit(UNAVAILABLE)
    except (LogLost, ReplayRefused) as error:
        complain(str(error))
        sys.exit(REFUSED)
    except (RulebookError, FeedsFileError) as error:
        complain(str(error))
        sys.exit(USAGE)
    except ValidationError as error:
        for wrong in error.errors(include_input=False):
            complain(f"ASM_{'_'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}")
        sys.exit(USAGE)
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        sys.exit(0)
