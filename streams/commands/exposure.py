"""The table of what a score may earn or cost in money."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from streams.commands.terminal import table
from streams.exposure import DEPENDS
from streams.wording import dollars, percent


def exposure_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Show the range of the payment factor, and of dollars where the payments are known."""
    rows = (
        (
            e["npi"],
            f"{e['performance_year']} → {e['payment_year']}",
            f"{r['name']} ({e['basis']})" if r else "not scored yet",
            percent(r.get("low_factor", -e["risk_level"])),
            percent(r.get("high_factor")),
            dollars(r.get("low_cents")),
            dollars(r.get("high_cents")),
        )
        for e in found
        for r in e["ranges"] or [{}]
    )
    columns = ("NPI", "years", "if the peers are", "lowest", "highest", "lowest in dollars", "highest in dollars")
    return table(f"Payment adjustment. {DEPENDS}", columns, rows)
