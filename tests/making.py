"""Events with sensible defaults, so that a test says only what it is about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.assessment import Assessment, assess
from processors.episodes import episode_rules, usable_lines
from processors.events import (
    Arrangement,
    AttestationReceived,
    ChannelDeclared,
    ClaimLine,
    ClaimReceived,
    ClaimsMeasure,
    CostMeasure,
    Event,
    Measurement,
    Observed,
    ParticipantListed,
    ParticipantRemoved,
    ReadinessReported,
    ReceiptReceived,
    ReliefGranted,
    ResultDetermined,
    SubmissionReceived,
    YearEvent,
)
from processors.facts import PracticeYear, empty_year, fold
from processors.identity import Npi, Tin, npi_with_check_digit
from processors.ledger import KeptLine
from processors.obligations import Obligation
from processors.rulebook import Rulebook
from processors.scoring import Score
from processors.vocabulary import (
    AttestationAction,
    ClaimAction,
    ClaimType,
    Disposition,
    ParticipantList,
    ReadinessState,
    ReceiptOutcome,
    ResultStatus,
    Stage,
    SubmissionAction,
)
from schemas.fingerprint import observe

TIN = Tin("123456789")
NPI = npi_with_check_digit("112345678")
OTHER_NPI = npi_with_check_digit("198765432")
TOKEN = "b1_" + "A" * 52
YEAR = 2027


def at(text: str) -> datetime:
    """An instant; without a time of day midnight UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if "T" not in text else datetime.fromisoformat(text)


IN_WINDOW = at("2028-02-01T15:00:00+00:00")
DUE = at("2028-04-01T00:00:00+00:00")
AFTER = at("2028-04-02T00:00:00+00:00")


def rulebook(year: int = YEAR) -> Rulebook:
    return load_rulebooks(DEFAULT_VINTAGE)[year]


class _Ids:
    """Event ids, one after the other; reset for each event set where it matters."""

    last = 0

    @classmethod
    def next(cls) -> str:
        cls.last += 1
        return f"e{cls.last}"


def _identified(given: dict[str, Any], source: str) -> dict[str, Any]:
    return {"event_id": _Ids.next(), "source": source, "tin": TIN, "performance_year": YEAR} | given


def listed(**given: Any) -> ParticipantListed:
    defaults = {
        "npi": NPI,
        "cohort": "HEART_FAILURE",
        "eligible": True,
        "small_practice": False,
        "list": ParticipantList.FINAL,
    }
    return ParticipantListed(**_identified(defaults | given, "cms"))


def removed(**given: Any) -> ParticipantRemoved:
    return ParticipantRemoved(**_identified({"npi": NPI, "list_id": "L2", "reason": "moved"} | given, "cms"))


def row(measure_id: str = "236", met: int = 70, not_met: int = 30, **given: Any) -> Measurement:
    defaults = {"eligible_population": met + not_met, "performance_met": met, "performance_not_met": not_met}
    return Measurement(measure_id=measure_id, **(defaults | given))


def quality(*rows: Measurement, **given: Any) -> SubmissionReceived:
    defaults = {
        "submission_id": "q",
        "revision": 1,
        "action": SubmissionAction.SUBMIT,
        "npi": NPI,
        "category": "QUALITY",
        "collection_type": "ECQM",
        "period_start": date(YEAR, 1, 1),
        "period_end": date(YEAR, 12, 31),
        "stage": Stage.RECEIPTED,
        "measurements": rows or (row(),),
    }
    return SubmissionReceived(**_identified(defaults | given, "registry"))


#: A set that earns everything: every measure with its whole rate, one way of exchange, all statements answered yes.
FULL_SET: dict[str, Any] = {
    "PI_EP_1": (10, 10),
    "PI_EP_2": True,
    "PI_HIE_1": (10, 10),
    "PI_HIE_4": (10, 10),
    "PI_PEA_1": (10, 10),
    "PI_PHCDRR_1": True,
    "PI_PHCDRR_1_PROD": True,
    "PI_PHCDRR_3": True,
    "PI_PHCDRR_3_PRE": True,
    "PI_PPHI_1": True,
    "PI_PPHI_2": True,
    "PI_ONCDIR_1": True,
    "PI_INFBLO_1": True,
}
CEHRT_ID = "2027CABCDEFGH12"


def pi_rows(told: dict[str, Any]) -> tuple[Measurement, ...]:
    """Rows of a set: yes or no, or (numerator, denominator); what is None is left out."""
    rows = []
    for measure_id, value in told.items():
        if isinstance(value, bool):
            rows.append(Measurement(measure_id=measure_id, answer=value))
        elif value is not None:
            rows.append(Measurement(measure_id=measure_id, numerator=value[0], denominator=value[1]))
    return tuple(rows)


def pi_set(told: dict[str, Any] | None = None, **given: Any) -> SubmissionReceived:
    defaults = {
        "submission_id": "pi",
        "npi": None,
        "category": "PROMOTING_INTEROPERABILITY",
        "collection_type": None,
        "cehrt_id": CEHRT_ID,
        "measurements": pi_rows(FULL_SET | (told or {})),
    }
    return quality(**(defaults | given))


def attested(activity_id: str = "ASM_IA_1", **given: Any) -> AttestationReceived:
    elements = {
        "ASM_IA_1": ("PRIMARY_CARE_ACCESS", "PRIMARY_CARE_FEEDBACK", "HRSN_SCREENING"),
        "ASM_IA_2": ("DATA_SHARING", "CO_MANAGEMENT", "TRANSITIONS"),
    }
    agreed = Arrangement(
        counterparty_type="PRIMARY_CARE", written=True, signed_by_both=True, effective_date=date(YEAR, 1, 1)
    )
    defaults = {
        "attestation_id": f"a-{activity_id}",
        "revision": 1,
        "action": AttestationAction.ATTEST,
        "activity_id": activity_id,
        "answer": True,
        "stage": Stage.RECEIPTED,
        "attested_by": "practice manager",
        "period_start": date(YEAR, 3, 1),
        "period_end": date(YEAR, 8, 31),
        "elements": elements.get(activity_id, ()),
        "arrangement": agreed if activity_id == "ASM_IA_2" else None,
    }
    return AttestationReceived(**_identified(defaults | given, "practice"))


def receipt(**given: Any) -> ReceiptReceived:
    named = {} if "attestation_id" in given else {"submission_id": "q"}
    defaults = {"outcome": ReceiptOutcome.ACCEPTED, "receipted_at": IN_WINDOW, "confirmation": "C-1"}
    return ReceiptReceived(**_identified(named | defaults | given, "qpp"))


def result(**given: Any) -> ResultDetermined:
    return ResultDetermined(**_identified({"npi": NPI, "status": ResultStatus.FINAL} | given, "cms"))


def cost(**given: Any) -> CostMeasure:
    defaults: dict[str, Any] = {
        "measure_id": "COST_HF_1",
        "episodes": 40,
        "cost_per_episode_cents": 1_500_000,
        "national_median_cents": 1_500_000,
        "standard_deviation_cents": 400_000,
    }
    return CostMeasure(**(defaults | given))


def admissions(rate: str = "60.42", cases: int = 40) -> ClaimsMeasure:
    return ClaimsMeasure(measure_id="492", rate=Decimal(rate), cases=cases)


def relief(*categories: str, **given: Any) -> ReliefGranted:
    defaults = {"categories": categories, "reason": "hurricane", "granted_on": date(YEAR, 9, 1)}
    return ReliefGranted(**_identified(defaults | given, "cms"))


def channel(category: str, **given: Any) -> ChannelDeclared:
    return ChannelDeclared(**_identified({"category": category, "channel": "registry"} | given, "practice"))


def readiness(**given: Any) -> ReadinessReported:
    defaults = {"item_id": "PORTAL", "state": ReadinessState.DONE}
    return ReadinessReported(**_identified(defaults | given, "practice"))


def claim(**given: Any) -> ClaimReceived:
    identified: dict[str, Any] = {"event_id": _Ids.next(), "source": "claims", "tin": TIN}
    defaults: dict[str, Any] = {
        "claim_id": "C1",
        "version": 1,
        "action": ClaimAction.ORIGINAL,
        "disposition": Disposition.PAID,
        "claim_type": ClaimType.PROFESSIONAL,
        "beneficiary": TOKEN,
        "from_date": date(YEAR, 5, 1),
        "through_date": date(YEAR, 5, 1),
        "diagnoses": ("I5020",),
        "lines": (
            ClaimLine(line_number=1, service_date=date(YEAR, 5, 1), npi=NPI, hcpcs="99214", allowed_cents=12000),
        ),
    }
    return ClaimReceived(**(identified | defaults | given))


def keep(event: ClaimReceived) -> tuple[KeptLine, ...]:
    """What the families of the performance year can use of a claim."""
    return usable_lines(event, [episode_rules(rulebook())])


def observed(event: Event, received_at: datetime = IN_WINDOW, origin: str = "asm.test.v1/0/0") -> Observed[Any]:
    return observe(event, received_at, origin)


def facts(*told: YearEvent | Observed[Any]) -> PracticeYear:
    """The facts after events, each received in the window unless it is given with its receipt."""
    year = empty_year(TIN, YEAR)
    for item in told:
        year = fold(year, item if isinstance(item, Observed) else observed(item))
    return year


def assessed(*told: YearEvent | Observed[Any], as_of: datetime = IN_WINDOW) -> Assessment:
    """The assessment of events."""
    return assess(facts(*told), rulebook(), as_of)


def score_of(assessment: Assessment, npi: Npi = NPI) -> Score:
    return next(s for s in assessment.scores if s.npi == npi)


def obligation_of(assessment: Assessment, item: str, npi: Npi | None = NPI) -> Obligation:
    return next(o for o in assessment.obligations if o.item.item == item and o.item.npi in {npi, None})


def codes(assessment: Assessment) -> list[tuple[str, str]]:
    """Event id and code of every finding."""
    return [(f.event.event_id, f.code) for f in assessment.findings]
