"""``asm next``: what to do first, by what it may cost and how long there is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.database.questions import Missing
from infra.database.sentences import sentence_of, told_of
from infra.database.tables import Obligation, Score
from infra.settings import Settings
from processors.sentences import to_do_of
from streams.commands.terminal import OUT, Json, print_json, show_instant, stake, table
from streams.commands.view import ESTIMATE, Who, Year, owed, plain, present, projection, who_is

HELP = """What to do first: what is not settled, a cliff before points, more points before fewer, then by the next
instant on the way (last start of a period, end of the period, opening of the window, deadline)."""
_SETTLED = frozenset({"MET", "EXCUSED", "NOT_MONITORED", "NOT_REQUIRED", "MISSED"})
_DAY_SECONDS = 86400


def next_steps(who: Who, year: Year = None, json: Json = False) -> None:
    """Rank what is missing."""
    settings = Settings()
    with projection(settings) as session:
        scores = who_is(session, who, year)
        found = [_named(o, scores) for o in owed(session, scores) if o.status not in _SETTLED]
        ranked = ranking(found, present(session, settings))
        if json:
            print_json(ranked)
            return
        columns = ("", "item", "status", "at stake", "next on the way", "days", "who, what is missing, what next")
        rows = (
            (
                n,
                row["item"],
                row["status"],
                stake(row["points_at_stake"], row["cliff"]),
                _milestone(row),
                _days(row),
                row["sentence"],
            )
            for n, row in enumerate(ranked, 1)
        )
        OUT.print(table("What to do first", columns, rows) if ranked else "Nothing is left to do.")
        OUT.print(ESTIMATE, style="dim")


def ranking(found: Sequence[Missing], now: datetime) -> list[dict[str, Any]]:
    """Return what is missing with its sentence and the next milestone ahead, what to act on first at the top."""
    rows = [_row(m, now) for m in found]
    return sorted(
        rows, key=lambda row: (row["cliff"] is None, -row["points_at_stake"], row["next_at"] or now, row["item"])
    )


def _named(obligation: Obligation, scores: Sequence[Score]) -> Missing:
    """Return an obligation with the names of its clinician, or of the practice."""
    of_practice = [s for s in scores if s.tin == obligation.tin]
    score = next((s for s in of_practice if s.npi == obligation.npi), of_practice[0])
    return Missing(
        obligation=obligation,
        name=score.name,
        organization=score.organization,
        practice_alias=score.practice_alias,
        cohort=score.cohort,
    )


def _row(missing: Missing, now: datetime) -> dict[str, Any]:
    obligation = missing.obligation
    ahead = [m for m in obligation.milestones if datetime.fromisoformat(m["at"]) > now]
    first = ahead[0] if ahead else None
    next_at = None if first is None else datetime.fromisoformat(first["at"])
    kept = ("npi", "item", "title", "status", "alert", "points_at_stake", "cliff", "due_at")
    shown = plain(obligation)
    return {name: shown[name] for name in kept} | {
        "next_milestone": None if first is None else first["name"],
        "next_at": next_at,
        "days_left": None if next_at is None else int((next_at - now).total_seconds() // _DAY_SECONDS),
        "todo": to_do_of(told_of(obligation)),
        "sentence": sentence_of(missing, now),
    }


def _milestone(row: dict[str, Any]) -> str:
    return "–" if row["next_at"] is None else f"{row['next_milestone']} {show_instant(row['next_at'])}"


def _days(row: dict[str, Any]) -> str:
    return "–" if row["days_left"] is None else str(row["days_left"])
