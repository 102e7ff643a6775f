"""The cohorts, the feeds and the system's own health, as the pages and the API show them."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from infra.database.overviews import OfAFeed, final_scores, findings_by_feed, health, refusals_by_feed, standings
from infra.database.tables import Standing
from processors.reasons import REASONS
from processors.rulebook import Rulebook
from processors.standings import distribution, is_covered
from schemas.records import HealthSubject
from streams.console.visit import Reading, Visit

#: What concerns everybody who reads: that the clocks go. The rest counts records of others, or names their feeds.
_FOR_EVERYBODY = frozenset({HealthSubject.WATERMARK.value, HealthSubject.HEARTBEAT.value})
_OF_A_STANDING = ("size_seen", "size_listed", "payments_known", "midpoint", "scaling_factor", "quantiles", "standing")


def cohorts(visit: Visit) -> Reading:
    """Return of each cohort and year how the final scores lie, of those that may be seen, and where all stand.

    The figures of a whole cohort count practices that a person with a scope may not see: they are shown to them only
    once so much of the cohort is seen that they are its own (42 CFR 512.750).
    """
    scores: defaultdict[tuple[str, int], list[Decimal]] = defaultdict(list)
    for cohort, year, final in final_scores(visit.session, visit.sight.tins):
        scores[cohort, year].append(final)
    told = {(s.cohort, s.performance_year): s for s in standings(visit.session)}
    known = visit.console.rulebooks
    rows = [
        _cohort(visit, key, scores[key], told.get(key))
        for key in sorted(scores, key=lambda key: (-key[1], key[0]))
        if key[1] in known
    ]
    return Reading(document={"as_of": visit.as_of, "cohorts": rows})


def feeds(visit: Visit) -> Reading:
    """Return what was refused and what was found wrong, by feed, with what each code means and what to do.

    A refused record belongs to no practice, so only who may see every practice sees refusals.
    """
    everything = visit.sight.tins is None
    refused = refusals_by_feed(visit.session) if everything else []
    found = findings_by_feed(visit.session, visit.sight.tins)
    document = {
        "as_of": visit.as_of,
        "refusals_shown": everything,
        "refusals": [_coded(row) for row in refused],
        "findings": [_coded(row) for row in found],
    }
    return Reading(document=document)


def system_health(visit: Visit) -> Reading:
    """Return what was last said of the system itself."""
    everything = visit.sight.tins is None
    rows = [
        {"subject": h.subject, "name": h.name, "state": h.state, "since": h.since, "detail": h.detail}
        for h in health(visit.session)
        if everything or h.subject in _FOR_EVERYBODY
    ]
    return Reading(document={"as_of": visit.as_of, "now": visit.now, "health": rows})


def _cohort(visit: Visit, key: tuple[str, int], scores: list[Decimal], said: Standing | None) -> dict[str, Any]:
    rulebook: Rulebook = visit.console.rulebooks[key[1]]
    cells = distribution(scores, rulebook.final_score.range.highest, rulebook.payment.cell_min)
    covered = said is not None and is_covered(said.size_seen, said.size_listed, rulebook)
    shown = said if visit.sight.tins is None or covered else None
    return {
        "cohort": key[0],
        "performance_year": key[1],
        "cell_min": rulebook.payment.cell_min,
        "cells": [{"low": c.low, "high": c.high, "count": c.count} for c in cells],
        "whole": None if shown is None else {name: getattr(shown, name) for name in _OF_A_STANDING},
        "covered": covered,
    }


def _coded(row: OfAFeed) -> dict[str, Any]:
    meaning = REASONS.get(row.code)
    return {
        **row._asdict(),
        "meaning": None if meaning is None else meaning.meaning,
        "remedy": None if meaning is None else meaning.remedy,
        "cites": [] if meaning is None else list(meaning.cites),
    }
