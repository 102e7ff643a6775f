"""What the SQL view answers, for the command line and the console alike: what is owed, what is next, what moved."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from infra.database.board import Missing
from infra.database.instants import instant_of
from infra.database.questions import latest_as_of, obligations
from infra.database.sentences import sentence_of, told_of
from infra.database.tables import Finding, Obligation, Score, ScoreHistory
from infra.settings import Settings
from processors.sentences import to_do_of
from streams.wording import masked

#: Statuses of which nothing is left to do.
SETTLED = frozenset({"MET", "EXCUSED", "NOT_MONITORED", "NOT_REQUIRED", "MISSED"})
_DAY_SECONDS = 86400
_KEPT_BACK = frozenset({"emitted_id", "tin"})


def owed(session: Session, scores: Sequence[Score]) -> list[Obligation]:
    """Return what the clinicians of some scores and their TINs owe in the year of the scores."""
    npis, year = [score.npi for score in scores], scores[0].performance_year
    return [o for tin in tins_of(scores) for o in obligations(session, tin, npis, year)]


def tins_of(scores: Sequence[Score]) -> list[str]:
    """Return the TINs of scores, each once."""
    return list(dict.fromkeys(score.tin for score in scores))


def present(session: Session, settings: Settings) -> datetime:
    """Return what time it is: the wall's, or on a simulated clock the latest instant that anything was said as of.

    To a session of an instant it is that instant.
    """
    asked = instant_of(session)
    if asked is not None:
        return asked
    told = latest_as_of(session) if settings.clock == "events" else None
    return told or datetime.now(UTC)


def plain(row: Score | Obligation | Finding) -> dict[str, Any]:
    """Return a row as JSON shows it: the TIN masked."""
    values = {name: value for name, value in row.model_dump().items() if name not in _KEPT_BACK}
    return {"tin": masked(row.tin), **values}


def ranking(found: Sequence[Missing], now: datetime) -> list[dict[str, Any]]:
    """Return what is missing with its sentence and the next milestone ahead, what to act on first at the top."""
    rows = [_row(m, now) for m in found]
    return sorted(
        rows, key=lambda row: (row["cliff"] is None, -row["points_at_stake"], row["next_at"] or now, row["item"])
    )


def named(obligation: Obligation, scores: Sequence[Score]) -> Missing:
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
    kept = ("npi", "category", "item", "title", "status", "alert", "points_at_stake", "cliff", "due_at")
    shown = plain(obligation)
    return {name: shown[name] for name in kept} | {
        "next_milestone": None if first is None else first["name"],
        "next_at": next_at,
        "days_left": None if next_at is None else int((next_at - now).total_seconds() // _DAY_SECONDS),
        "todo": to_do_of(told_of(obligation)),
        "sentence": sentence_of(missing, now),
    }


def moves(history: Sequence[ScoreHistory]) -> list[list[dict[str, Any]]]:
    """Return for each announced score the parts whose value is another than in the one before."""
    before: dict[str, Any] = {}
    moves = []
    for said in history:
        now = _values(said.tree)
        moves.append(
            [
                {"code": code, "before": before.get(code), "after": now.get(code)}
                for code in dict.fromkeys((*now, *before))
                if before and now.get(code) != before.get(code)
            ]
        )
        before = now
    return moves


def _values(part: dict[str, Any]) -> dict[str, Any]:
    values = {part["code"]: part.get("value")}
    for below in part["parts"]:
        values |= _values(below)
    return values
