"""Every obligation of a clinician and its practice whole: how it stands, what it may cost, what is missing."""

from decimal import Decimal
from typing import Any

from processors.assessment import Assessment
from processors.obligations import Obligation
from processors.vocabulary import Stage
from tests.making import (
    AFTER,
    DUE,
    NPI,
    TIN,
    assessed,
    at,
    attested,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    row,
    rulebook,
)

SMALL = listed(event_id="l1", small_practice=True, solo=False)
TOLD = (
    quality(row("236", 90, 10), row("005", 1, 0, eligible_population=100)),
    observed(quality(row("008"), submission_id="s", stage=Stage.SENT), at("2028-01-20")),
    attested("ASM_IA_1"),
    attested("ASM_IA_2", stage=Stage.PREPARED),
    pi_set({"PI_EP_1": None}),
)
MISSING = ("MEASURE_MISSING", "PI_EP_1", None, None)
OF_THE_WINDOW = ("PERIOD_END", "WINDOW_OPENS", "DUE")
STAGES = [rulebook().submission.first_stage, *(s.stage for s in rulebook().submission.stages)]


def stands(assessment: Assessment) -> dict[str, tuple[Any, ...]]:
    """Status, whether somebody must be told, points at stake, what is missing and what next, by item."""
    return {
        o.item.item: (
            str(o.status),
            o.alerting,
            o.points_at_stake,
            [(g.code, g.subject, g.have, g.need) for g in o.missing],
            o.next_step,
        )
        for o in of_the_year(assessment)
    }


def of_the_year(assessment: Assessment) -> list[Obligation]:
    return [o for o in assessment.obligations if o.item.category != "READINESS"]


def test_how_each_item_stands_in_the_window() -> None:
    again = "Correct what is missing and send it again before the deadline."
    assert stands(assessed(SMALL, *TOLD)) == {
        "236": ("MET", False, Decimal(0), [], "Nothing to do."),
        "005": ("AT_RISK", True, Decimal(10), [("INCOMPLETE_DATA", "005", 1, 100)], again),
        "008": (
            "SENT",
            True,
            Decimal(10),
            [("NOT_SUBMITTED", "008", None, None), ("RECEIPT_OVERDUE", None, None, None)],
            "Ask the receiver for the receipt; without one it does not count.",
        ),
        "377": (
            "OPEN",
            False,
            Decimal(10),
            [("NOT_SUBMITTED", "377", None, None)],
            "Report it, and have it receipted before the deadline.",
        ),
        "492": ("NOT_REQUIRED", False, Decimal(9), [], "Nothing to send."),
        "COST_HF_1": ("NOT_REQUIRED", False, Decimal(45), [], "Nothing to send."),
        "ASM_IA_1": ("MET", False, Decimal(0), [], "Nothing to do."),
        "ASM_IA_2": (
            "PREPARED",
            False,
            Decimal(10),
            [("NOT_ATTESTED", None, None, None)],
            "Send what is prepared, and keep the receipt.",
        ),
        "PROMOTING_INTEROPERABILITY": (
            "AT_RISK",
            True,
            Decimal(10),
            [("MEASURE_MISSING", "PI_EP_1", None, None)],
            again,
        ),
    }


def test_how_each_item_stands_after_the_deadline() -> None:
    passed = "The deadline has passed: nothing that is sent now counts."
    told = stands(assessed(SMALL, *TOLD, as_of=AFTER))
    assert {item: (status, missing, step) for item, (status, _, _, missing, step) in told.items()} == {
        "236": ("MET", [], "Nothing to do."),
        "005": ("AT_RISK", [("INCOMPLETE_DATA", "005", 1, 100)], passed),
        "008": (
            "UNPROVEN",
            [("NOT_SUBMITTED", "008", None, None)],
            "Find the receipt: proof that it was received before the deadline still counts.",
        ),
        "377": ("MISSED", [("NOT_SUBMITTED", "377", None, None)], passed),
        "492": ("NOT_REQUIRED", [], "Nothing to send."),
        "COST_HF_1": ("NOT_REQUIRED", [], "Nothing to send."),
        "ASM_IA_1": ("MET", [], "Nothing to do."),
        "ASM_IA_2": ("MISSED", [("NOT_ATTESTED", None, None, None)], passed),
        "PROMOTING_INTEROPERABILITY": ("AT_RISK", [MISSING], passed),
    }


def test_what_is_sent_has_its_deadline_and_what_cms_computes_has_none() -> None:
    for o in of_the_year(assessed(SMALL, *TOLD)):
        computed = o.item.item in {"492", "COST_HF_1"}
        own = o.item.category in {"QUALITY", "COST"}
        assert (o.item.tin, o.item.npi, o.performance_year) == (TIN, NPI if own else None, 2027)
        assert (o.due_at, o.stage, o.item.by_deadline) == (
            (None, "EARLY", False) if computed else (DUE, "T_60", True)
        ), o.item.item
        whole = OF_THE_WINDOW if own else ("LAST_START", *OF_THE_WINDOW)
        assert tuple(m.name for m in o.milestones) == (() if computed else whole)


def test_what_the_practice_reports_for_all_names_whom_it_affects_and_with_how_many_points() -> None:
    affected = {o.item.item: [(a.npi, a.points) for a in o.affected] for o in of_the_year(assessed(SMALL, *TOLD))}
    assert {item: told for item, told in affected.items() if told} == {
        "ASM_IA_1": [(NPI, Decimal(0))],
        "ASM_IA_2": [(NPI, Decimal(10))],
        "PROMOTING_INTEROPERABILITY": [(NPI, Decimal(10))],
    }


def test_only_what_waits_for_a_receipt_changes_at_an_instant_of_its_own() -> None:
    told = {o.item.item: o.changes_at for o in of_the_year(assessed(SMALL, *TOLD))}
    days = rulebook().compliance.receipt_overdue_days
    assert {item: instants for item, instants in told.items() if instants} == {"008": (at(f"2028-01-{20 + days}"),)}


def test_each_item_names_its_paragraph_and_how_sure_that_is() -> None:
    told = {o.item.item: (o.item.cites[0], str(o.item.standing)) for o in of_the_year(assessed(SMALL))}
    assert told == {
        **dict.fromkeys(["005", "008", "236", "377", "492"], ("42 CFR 512.725", "cms")),
        "COST_HF_1": ("42 CFR 512.730", "cms"),
        "ASM_IA_1": ("42 CFR 512.735", "cms"),
        "ASM_IA_2": ("42 CFR 512.735", "cms"),
        "PROMOTING_INTEROPERABILITY": ("42 CFR 512.740", "analog"),
    }


def test_the_stage_is_the_last_one_that_has_come() -> None:
    instants = [s.at for s in rulebook().submission.stages]
    told = [obligation_of(assessed(SMALL, as_of=as_of), "236").stage for as_of in (at("2027-01-01"), *instants)]
    assert told == STAGES
