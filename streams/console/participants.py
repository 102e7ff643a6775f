"""A clinician, a practice, and the practices: where they stand, as the pages and the API show it."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.database.board import open_by_practice, practices
from infra.database.questions import obligations, open_findings, participants, roster_of, score_history
from infra.database.tables import Finding, Obligation, Score, ScoreHistory
from processors.reasons import REASONS
from streams.answers import SETTLED, moves, named, ranking
from streams.console.items import cursor_of, obligation_document, offset_of
from streams.console.visit import NotThere, Reading, Visit
from streams.exposure import COHORT, exposures

_OF_A_SCORE = (
    "performance_year",
    "cohort",
    "final_score",
    "prepared_score",
    "lowest_reachable",
    "highest_reachable",
    "standing",
    "estimate",
    "as_of",
    "vintage",
    "rulebook",
    "engine",
    "generation",
    "revision",
)


def clinician(visit: Visit, npi: str, year: int | None) -> Reading:
    """Return a clinician under each practice that the person may see, in one performance year.

    :raises NotThere: nobody of that NPI, or nobody that the person may see.
    """
    seen = [score for score in participants(visit.session, npi, None) if score.npi == npi and _may(visit, score)]
    years = sorted({score.performance_year for score in seen})
    scores = [score for score in seen if score.performance_year == (year or years[-1])]
    if not scores:
        raise NotThere
    document = {
        "as_of": visit.as_of,
        "now": visit.now,
        "npi": npi,
        "name": scores[0].name,
        "performance_year": scores[0].performance_year,
        "years": years,
        "participations": [_participation(visit, score) for score in scores],
    }
    return Reading(document=document, items=(npi,))


def practice(visit: Visit, practice_id: str, year: int | None) -> Reading:
    """Return a practice: its clinicians, what it must submit itself, and what is wrong in what was received.

    :raises NotThere: no practice of that name, or none that the person may see.
    """
    tins = sorted(visit.sight.tins_of(practice_id))
    named = practices(visit.session, tins)
    years = sorted({each.performance_year for each in named})
    wanted = year or (years[-1] if years else 0)
    scores = sorted(roster_of(visit.session, tins, [wanted]), key=lambda s: (s.name or "", s.npi, s.tin))
    if not scores:
        raise NotThere
    npis = [score.npi for score in scores]
    owed = [o for tin in tins for o in obligations(visit.session, tin, npis, wanted)]
    found = [f for tin in tins for f in open_findings(visit.session, tin, npis, wanted)]
    document = {
        "as_of": visit.as_of,
        "now": visit.now,
        "id": practice_id,
        "name": scores[0].organization or scores[0].practice_alias,
        "performance_year": wanted,
        "clinicians": [_member(score, owed) for score in scores],
        "obligations": [obligation_document(o, visit.now) for o in owed if o.npi is None],
        "findings": [finding_document(f) for f in found],
    }
    return Reading(document=document, items=(practice_id, *dict.fromkeys(npis)))


def practices_page(visit: Visit, limit: int, cursor: str | None) -> Reading:
    """Return one page of the practices that the person may see, by name, with what is open at each."""
    offset = offset_of(cursor)
    found = practices(visit.session, visit.sight.tins)
    page = found[offset : offset + limit]
    counts = open_by_practice(visit.session, [p.tin for p in page])
    rows = [
        {
            "id": visit.sight.practice_id(p.tin, p.alias),
            "name": p.organization or p.alias,
            "performance_year": p.performance_year,
            "cohorts": list(p.cohorts),
            "clinicians": p.clinicians,
            "items": counts[p.tin].items if p.tin in counts else 0,
            "firing": counts[p.tin].firing if p.tin in counts else 0,
            "points_at_stake": counts[p.tin].points_at_stake if p.tin in counts else None,
        }
        for p in page
    ]
    document = {
        "as_of": visit.as_of,
        "total": len(found),
        "items": rows,
        "next_cursor": cursor_of(offset + limit) if len(found) > offset + limit else None,
    }
    return Reading(document=document, items=tuple(dict.fromkeys(str(row["id"]) for row in rows)))


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding in plain values, with what its code means and what to do."""
    meaning = REASONS.get(finding.code)
    return {
        "npi": finding.npi,
        "code": finding.code,
        "field": finding.field,
        "message": finding.message,
        "remedy": None if meaning is None else meaning.remedy,
        "cites": finding.cites,
        "event_source": finding.event_source,
        "event_id": finding.event_id,
        "as_of": finding.as_of,
    }


def _may(visit: Visit, score: Score) -> bool:
    return visit.sight.covers(score.tin)


def _participation(visit: Visit, score: Score) -> dict[str, Any]:
    owed = obligations(visit.session, score.tin, [score.npi], score.performance_year)
    findings = open_findings(visit.session, score.tin, [score.npi], score.performance_year)
    return {name: getattr(score, name) for name in _OF_A_SCORE} | {
        "practice": {
            "id": visit.sight.practice_id(score.tin, score.practice_alias),
            "name": score.organization or score.practice_alias,
        },
        "tree": score.tree,
        "exposure": [_exposure(visit, told) for told in exposures(visit.session, [score], visit.console.rulebooks)],
        "obligations": [obligation_document(o, visit.now) for o in owed],
        "next": ranking([named(o, [score]) for o in owed if o.status not in SETTLED], visit.now),
        "findings": [finding_document(f) for f in findings],
        "history": _history(score_history(visit.session, score)),
    }


def _exposure(visit: Visit, told: dict[str, Any]) -> dict[str, Any]:
    """Leave out how many of a cohort are seen, where that counts practices that the person may not see."""
    if visit.sight.tins is None or told["basis"] == COHORT:
        return told
    return told | {"size_seen": None, "size_listed": None}


def _history(said: Sequence[ScoreHistory]) -> list[dict[str, Any]]:
    return [
        {
            "revision": each.revision,
            "as_of": each.as_of,
            "final_score": each.final_score,
            "prepared_score": each.prepared_score,
            "lowest_reachable": each.lowest_reachable,
            "highest_reachable": each.highest_reachable,
            "cause": {"type": each.cause_type, "source": each.cause_source, "event_id": each.cause_event_id},
            "moved": moved,
        }
        for each, moved in zip(said, moves(said), strict=True)
    ]


def _member(score: Score, owed: Iterable[Obligation]) -> dict[str, Any]:
    theirs = [o for o in owed if o.npi == score.npi and o.tin == score.tin and o.status not in SETTLED]
    return {
        "npi": score.npi,
        "name": score.name,
        "cohort": score.cohort,
        "final_score": score.final_score,
        "prepared_score": score.prepared_score,
        "lowest_reachable": score.lowest_reachable,
        "highest_reachable": score.highest_reachable,
        "standing": score.standing,
        "items": len(theirs),
        "firing": sum(o.alert == "FIRING" for o in theirs),
    }
