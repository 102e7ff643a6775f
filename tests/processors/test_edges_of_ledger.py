"""A ledger at the edges: contents of one version, traces, sources, linked tokens."""

from datetime import date, timedelta
from typing import Any

import pytest

from processors.events import BeneficiaryLinked, ClaimLine
from processors.ledger import Ledger, conflicting_claims, fold_claim, fold_link, merged, standing_claims
from processors.traces import Trace, Traces
from processors.vocabulary import ClaimAction
from tests.making import IN_WINDOW, NPI, TIN, TOKEN, claim, keep, observed

OTHER_TOKEN = "b1_" + "B" * 52
EMPTY = Ledger(tin=TIN, beneficiary=TOKEN)
DAY = timedelta(days=1)
#: A claim of which no line can be used.
UNUSED: dict[str, Any] = {"diagnoses": ("E119",)}


def folded(*told: Any, start: Ledger = EMPTY) -> Ledger:
    for item in told:
        start = fold_claim(start, item, keep)
    return start


def standing(ledger: Ledger) -> list[str]:
    return [c.event_id for c in standing_claims(ledger, ("rif", "cclf"))]


def conflicts(ledger: Ledger) -> list[tuple[str, str | None]]:
    return [(loser.event_id, first.event_id if first else None) for loser, first in conflicting_claims(ledger)]


def test_a_later_repeat_changes_nothing_and_an_earlier_one_is_what_is_kept() -> None:
    day = [observed(claim(event_id=f"e{n}"), IN_WINDOW + n * DAY) for n in range(3)]
    ledger = folded(day[1])
    assert folded(day[2], start=ledger) is ledger
    assert [(c.event_id, c.received_at) for c in folded(day[0], start=ledger).claims] == [("e0", IN_WINDOW)]


def test_a_lower_version_changes_nothing_and_a_higher_one_replaces_whatever_is_there() -> None:
    second = folded(observed(claim(event_id="v2", version=2)), observed(claim(event_id="other", claim_id="C2")))
    assert folded(observed(claim(event_id="v1")), start=second) is second
    third = folded(observed(claim(event_id="v3", version=3, **UNUSED)), start=second)
    assert ([c.event_id for c in third.claims], [t.version for t in third.traces]) == (["other"], [3])
    fourth = folded(observed(claim(event_id="v4", version=4)), start=third)
    assert ([c.event_id for c in fourth.claims], len(fourth.traces)) == (["v4", "other"], 0)


@pytest.mark.parametrize(("first", "stands"), [("used", ["used"]), ("unused", [])])
def test_of_a_content_that_can_be_used_and_one_that_cannot_the_first_received_stands(
    first: str, stands: list[str]
) -> None:
    days = {"used": 0, "unused": 1} if first == "used" else {"used": 1, "unused": 0}
    used = observed(claim(event_id="used"), IN_WINDOW + days["used"] * DAY)
    unused = observed(claim(event_id="unused", **UNUSED), IN_WINDOW + days["unused"] * DAY)
    for told in ((used, unused), (unused, used)):
        ledger = folded(*told)
        assert standing(ledger) == stands
        assert len(conflicts(ledger)) == 1
        assert len(ledger.traces) == 1


def test_of_two_contents_that_cannot_be_used_both_leave_a_trace_and_the_later_arrived_is_disputed() -> None:
    one = observed(claim(event_id="a", **UNUSED), IN_WINDOW)
    two = observed(claim(event_id="b", diagnoses=("I10",)), IN_WINDOW + DAY)
    assert [(len(folded(*told).traces), conflicts(folded(*told))) for told in ((one, two), (two, one))] == [
        (2, [("b", None)]),
        (2, [("a", None)]),
    ]


def test_a_repeat_of_what_left_a_trace_keeps_the_earliest_receipt() -> None:
    late = observed(claim(event_id="b", **UNUSED), IN_WINDOW + DAY)
    early = observed(claim(event_id="a", **UNUSED), IN_WINDOW)
    ledger = folded(late)
    assert folded(observed(claim(event_id="c", **UNUSED), IN_WINDOW + 2 * DAY), start=ledger) is ledger
    (trace,) = folded(early, start=ledger).traces
    assert trace.received_ms == int(IN_WINDOW.timestamp() * 1000)


def test_a_claim_of_a_worse_source_does_not_stand_where_a_better_one_knows_it() -> None:
    worse = observed(claim(event_id="worse", source="cclf-1"))
    for better in (claim(event_id="better", source="rif-1"), claim(event_id="better", source="rif-1", **UNUSED)):
        ledger = folded(worse, observed(better))
        assert (ledger.sources, "worse" in standing(ledger)) == (("cclf-1", "rif-1"), False)
    alone = folded(worse, observed(claim(event_id="better", source="rif-1", claim_id="C2")))
    assert standing(alone) == ["worse", "better"]


def test_a_source_is_named_once() -> None:
    ledger = folded(*(observed(claim(event_id=f"e{n}", claim_id=f"C{n}", source="rif")) for n in range(3)))
    assert ledger.sources == ("rif",)


def test_of_linked_tokens_the_highest_version_under_any_stands() -> None:
    mine = folded(
        observed(claim(event_id="m1", claim_id="C1", source="rif")), observed(claim(event_id="m3", claim_id="C3"))
    )
    other = folded(
        observed(claim(event_id="o2", claim_id="C1", version=2, source="rif")),
        observed(claim(event_id="t1", claim_id="C9", source="alpha", **UNUSED)),
        start=Ledger(tin=TIN, beneficiary=OTHER_TOKEN),
    )
    both = merged([mine, other])
    assert (both.beneficiary, [c.event_id for c in both.claims], len(both.traces)) == (TOKEN, ["m3", "o2"], 1)
    assert both.sources == ("alpha", "claims", "rif")
    assert merged([mine]) is mine


def test_a_cancelled_version_under_a_linked_token_takes_the_claim_away() -> None:
    mine = folded(observed(claim(event_id="m1")))
    gone = observed(claim(event_id="o2", version=2, action=ClaimAction.CANCEL))
    other = folded(gone, start=Ledger(tin=TIN, beneficiary=OTHER_TOKEN))
    assert (standing(merged([mine, other])), standing(mine)) == ([], ["m1"])


def test_a_repeated_link_changes_nothing_and_links_stand_in_the_order_of_receipt() -> None:
    def link(event_id: str, days: int, to: str = OTHER_TOKEN) -> Any:
        told = BeneficiaryLinked(event_id=event_id, source="claims", tin=TIN, from_token=TOKEN, to_token=to)
        return observed(told, IN_WINDOW + days * DAY)

    first, second = link("a", 1), link("b", 0, "b1_" + "C" * 52)
    ledger = fold_link(fold_link(EMPTY, first), second)
    assert [o.event.event_id for o in ledger.links] == ["b", "a"]
    assert fold_link(ledger, first) is ledger
    assert fold_link(ledger, link("a", 2)) is ledger
    earlier = fold_link(ledger, link("a", -1))
    assert [(o.event.event_id, o.received_at) for o in earlier.links] == [("a", IN_WINDOW - DAY), ("b", IN_WINDOW)]


def test_traces_are_found_added_and_taken_out_one_by_one() -> None:
    told = [Trace(claim, version, 5, 7) for claim in (1, 2, 3) for version in (1, 2)]
    traces = Traces.of_all(reversed(told))
    assert (list(traces), len(traces), bool(traces), bool(Traces())) == (told, 6, True, False)
    assert [list(traces.of(claim)) for claim in (0, 1, 2, 3, 4)] == [[], told[:2], told[2:4], told[4:], []]
    assert list(traces.without(2)) == told[:2] + told[4:]
    assert list(traces.without_one(told[3])) == told[:3] + told[4:]
    assert list(traces.without_one(told[3]).with_one(told[3])) == told


def test_a_line_points_to_its_diagnoses_by_number_from_one_and_without_a_pointer_to_all() -> None:
    def kept(*pointers: int) -> tuple[str, ...]:
        line = ClaimLine(
            line_number=1, service_date=date(2027, 5, 1), npi=NPI, hcpcs="99214", diagnosis_pointers=pointers
        )
        lines = keep(claim(diagnoses=("I50.20", "E119", "I5022"), lines=(line,)))
        return lines[0].diagnoses if lines else ()

    assert [kept(1), kept(3), kept(3, 1, 1), kept(2), kept(), kept(0), kept(4)] == [
        ("I5020",),
        ("I5022",),
        ("I5022", "I5020"),
        (),
        ("I5020", "I5022"),
        ("I5020", "I5022"),
        ("I5020", "I5022"),
    ]
