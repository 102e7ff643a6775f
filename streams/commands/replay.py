"""``asm replay``: generations beside the live one."""

import typer

from streams.commands import replay_diff

app = typer.Typer(no_args_is_help=True, help="Recalculation: generations beside the live one, compared.")
app.command(help=replay_diff.HELP)(replay_diff.diff)
