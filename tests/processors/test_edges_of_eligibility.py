"""The criteria of eligibility whole: counted, needed, met, what would change it, and the roster's word beside it."""

from typing import Any

from processors.eligibility_report import Criterion, EligibilityReport
from tests.making import listed
from tests.processors.test_eligibility_report import LISTED, beneficiary, report

MISSING_PLACE = "Claims that name an area, and CMS's list of mandatory areas: one of the two is not here."
NEEDED = {
    "BILLING": "services billed under the Physician Fee Schedule",
    "EPISODES": "at least 20",
    "PLACE": "most common: a mandatory area",
}


def rows(told: EligibilityReport) -> dict[str, tuple[Any, ...]]:
    """Counted, met, what would change it, the roster's word and whether it disagrees, of each criterion."""
    return {c.name: (c.counted, c.met, c.would_change, c.roster, c.disagrees) for c in told.criteria}


def needs(criteria: tuple[Criterion, ...]) -> dict[str, str]:
    return {c.name: c.needed for c in criteria}


def test_whom_claims_and_roster_call_eligible() -> None:
    told = report([beneficiary(n) for n in range(20)], LISTED)
    assert rows(told) == {
        "BILLING": ("40 lines for the model's conditions", True, "Nothing.", None, False),
        "SPECIALTY": ("06 × 40", True, "Another specialty on more lines than this one.", "06", False),
        "EPISODES": ("20", True, "1 fewer episodes attributed to the clinician.", "20", False),
        "PLACE": ("16980 × 20", True, "More episodes in an area that is not mandatory.", "16980", False),
    }
    assert needs(told.criteria) == {**NEEDED, "SPECIALTY": "most common: 06"}
    assert (told.by_claims, told.by_roster, told.roster_list, told.exempt_from_mips) == (True, True, "FINAL", True)
    assert {c.reason.code for c in told.criteria} == {"ESTIMATED_FROM_CLAIMS"}


def test_of_whom_there_are_no_claims() -> None:
    told = report([], LISTED)
    assert rows(told) == {
        "BILLING": (
            "0 lines for the model's conditions",
            None,
            "The practice's claims of the data year: none are here.",
            None,
            False,
        ),
        "SPECIALTY": ("none named", None, "Claims whose lines name the clinician's specialty.", "06", False),
        "EPISODES": ("0", None, "20 more episodes attributed to the clinician.", "20", False),
        "PLACE": ("none named", None, MISSING_PLACE, "16980", False),
    }


def test_whom_the_roster_never_named_with_a_specialty_of_no_cohort() -> None:
    told = report([beneficiary(n, specialty="11", zip_code="53202") for n in range(3)])
    no_cohort = "One of a cohort on more lines than any other specialty."
    assert rows(told) == {
        "BILLING": ("6 lines for the model's conditions", True, "Nothing.", None, False),
        "SPECIALTY": ("11 × 6", False, no_cohort, None, False),
        "EPISODES": ("0", False, "20 more episodes attributed to the clinician.", None, False),
        "PLACE": ("none named", None, MISSING_PLACE, None, False),
    }
    assert needs(told.criteria) == {**NEEDED, "SPECIALTY": "most common: a specialty of a cohort"}
    assert (told.by_roster, told.roster_list, told.exempt_from_mips) == (None, None, False)


def test_a_roster_that_says_otherwise_of_all_three_disagrees_on_each() -> None:
    other = listed(specialty="C3", episode_count=25, area="33340", eligible=False)
    told = report([beneficiary(n) for n in range(20)], other)
    assert {name: row[3:] for name, row in rows(told).items()} == {
        "BILLING": (None, False),
        "SPECIALTY": ("C3", True),
        "EPISODES": ("25", True),
        "PLACE": ("33340", True),
    }
    assert (told.by_claims, told.by_roster, told.disagrees, told.exempt_from_mips) == (True, False, True, False)
