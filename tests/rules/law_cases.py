"""How rows are played that try a whole list of the law at once: deciles, stages, codes, latest starts, outcomes.

Such a row is known by one of the names that its ``given`` holds (:data:`FORMS`); "none" stands for what is absent.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from processors.assessment import assess
from processors.clinician import Clinician, read_clinician
from processors.cost import COST, score_cost
from processors.eligibility_report import eligibility_report
from processors.episodes import ClaimYear
from processors.events import ClaimsMeasure, Complexity, CostMeasure, YearEvent
from processors.final_score import complex_patients_part
from processors.identity import Npi
from processors.outlook import outlook_of
from processors.payment import Member, scenarios_of, standings_of
from processors.practice import read_practice
from processors.progress import Moment, has_begun, last_start_of
from processors.promoting_interoperability import is_cehrt_id
from processors.quality import QUALITY
from processors.reachable import MeasureOutcome
from processors.readiness import READINESS
from processors.rulebook import Rulebook
from processors.rulebook.sections import ComplexityReference, Midpoint
from processors.standings import Provenance, SeenScore, is_covered, standing_of_cohort
from tests.making import IN_WINDOW, NPI, OTHER_NPI, attested, facts, listed, pi_set, quality, relief, result, row
from tests.rules.episode_cases import episodes_case

Given = Mapping[str, Any]
Told = dict[str, Any]
PERSONS = 100_000


def terms_told(given: Given, rules: Rulebook) -> Told:
    """What the terms of a year are."""
    terms = rules.terms
    told = {name: getattr(terms, name) for name in given["terms"]}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def cohort_owes(given: Given, rules: Rulebook) -> Told:
    """What a clinician of a cohort is scored on, and whether the law knows the cohort."""
    told = assess(facts(listed(cohort=given["cohort"])), rules, IN_WINDOW)
    owed = {c: [o.item.item for o in told.obligations if o.item.category == c] for c in (QUALITY, COST)}
    return {"measures": owed[QUALITY], "cost": owed[COST], "findings": [f.code for f in told.findings]}


def claims_report(given: Given, rules: Rulebook) -> Told:
    """Whom a practice's own claims of the data year make eligible, criterion by criterion."""
    claims = given["claims"]
    year = ClaimYear(
        lines=100,
        specialties=tuple((code, 100 - n) for n, code in enumerate(claims["specialties"])),
        episodes={given["in_cohort"]: claims["episodes"]},
        areas={given["in_cohort"]: (("16980", claims["episodes"]),)},
    )
    counted = {given["data_year"]: year}
    told = eligibility_report([], counted, [], (NPI, rules, IN_WINDOW))
    return {"cohort": told.cohort or "none"} | {
        c.name.lower(): "unknown" if c.met is None else c.met for c in told.criteria
    }


def each_specialty(given: Given, rules: Rulebook) -> Told:
    """The cohort in which each specialty places a clinician."""
    told = (
        claims_report({"claims": {"specialties": [code], "episodes": 20}, "in_cohort": "", "data_year": 2025}, rules)
        for code in given["each_specialty"]
    )
    return {"cohorts": [report["cohort"] for report in told]}


def each_service(given: Given, rules: Rulebook) -> Told:
    """How many episodes there are with each of some diagnoses, or services, in turn beside a visit."""
    what = "diagnoses" if "each_diagnosis" in given else "hcpcs"
    episodes = []
    for code in given["each_diagnosis" if what == "diagnoses" else "each_service"]:
        usual = {"diagnoses": given.get("diagnoses", ["I50.20"])}
        tried = usual | {what: [code] if what == "diagnoses" else code}
        services = [{"on": date(2027, 3, 1), **usual}, {"on": date(2027, 4, 1), **tried}]
        if given.get("opens"):
            services = [{**services[1], "on": date(2027, 2, 1)}, {**services[0], "hcpcs": given["opens"]}]
        if what == "diagnoses":
            services[0]["diagnoses"] = [code]
        told = episodes_case({"services": services}, rules)
        episodes.append(sum(told.get("episodes", {}).values()))
    return {"episodes": episodes}


def level_told(given: Given, rules: Rulebook) -> Told:
    """What is found about a set of a category that is reported at a level."""
    npi = {"INDIVIDUAL": NPI, "GROUP": None}[given["level"]]
    told = assess(facts(listed(small_practice=True, solo=False), _of(given["category"], npi)), rules, IN_WINDOW)
    return {"findings": [f.code for f in told.findings]}


def narrow_relief(given: Given, rules: Rulebook) -> Told:
    """What is found about relief of one of a TIN's two clinicians."""
    of_one = relief(given["relief_of_one"], npi=NPI)
    told = assess(facts(listed(), listed(npi=OTHER_NPI), of_one), rules, IN_WINDOW)
    return {"findings": [f.code for f in told.findings]}


def _of(category: str, npi: Npi | None) -> YearEvent:
    return pi_set(npi=npi) if category == "PROMOTING_INTEROPERABILITY" else quality(npi=npi, category=category)


def group_quality(given: Given, rules: Rulebook) -> Told:
    """Whether group quality counts."""
    told = assess(facts(listed(**given["group_of"]), quality(row("236", 90, 10), npi=None)), rules, IN_WINDOW)
    return {"points": next(p.value for p in told.scores[0].tree.parts[0].parts if p.code == "236")}


def milestones_told(given: Given, rules: Rulebook) -> Told:
    """The instants on the way to the deadline, and its date."""
    moment = Moment(rulebook=rules, as_of=IN_WINDOW)
    told = moment.milestones.get(given["milestones_of"], moment.milestones[""])
    return {m.name: m.at for m in told} | {"due_date": rules.submission.due_date}


def stages_told(given: Given, rules: Rulebook) -> Told:
    """The stage at some instants less so many minutes."""
    before = timedelta(minutes=given.get("minutes_before", 0))
    return {"stages": [Moment(rulebook=rules, as_of=at - before).stage for at in given["instants"]]}


def starts_told(given: Given, rules: Rulebook) -> Told:
    """Whether a period that starts on a day can still be long enough once it has begun."""
    last = last_start_of(given["category"], rules)
    end = rules.submission.period_end
    return {"begun": [has_begun([start], last, end) for start in given["starts"]]}


def rates_told(given: Given, rules: Rulebook) -> Told:
    """Points of a measure at some rates, and whether its benchmark is a historical one."""
    judged = [_judged(given, Decimal(rate), rules).judged[given["measure_id"]] for rate in given["rates"]]
    codes = {reason.code for each in judged for reason in each.part.reasons}
    return {"points": [each.points for each in judged], "historical": "HISTORICAL_BENCHMARK" in codes}


def _judged(given: Given, rate: Decimal, rules: Rulebook) -> Any:
    measure_id, collection_type = given["measure_id"], given["collection_type"]
    told: list[YearEvent] = [listed(cohort=given["in_cohort"])]
    if collection_type == "CLAIMS":
        told.append(result(claims_measure=ClaimsMeasure(measure_id=measure_id, rate=rate, cases=40)))
    else:
        met = int(rate * PERSONS / 100)
        rows = [row(measure_id, met, PERSONS - met, stratum=given.get("stratum"))]
        if "stratum" in given:
            rows.insert(0, row(measure_id, PERSONS // 3, PERSONS, stratum="another"))
        told.append(quality(*rows, collection_type=collection_type))
    return _read(told, rules).quality


def _read(told: Iterable[YearEvent], rules: Rulebook) -> Clinician:
    year = facts(*told)
    return read_clinician(year.clinicians[NPI], read_practice(year.practice, rules), rules)


def deviations_told(given: Given, rules: Rulebook) -> Told:
    """Points of costs so many standard deviations from the median."""
    median, deviation = 1_500_000, 400_000
    costs = [median + int(Decimal(d) * deviation) for d in given["deviations"]]
    return {"points": [_cost_points(rules, cost_per_episode_cents=cost, national_median_cents=median,
                                    standard_deviation_cents=deviation) for cost in costs]}  # fmt: skip


def scores_of_cms(given: Given, rules: Rulebook) -> Told:
    """Points where CMS gives a score itself."""
    return {"points": [_cost_points(rules, score=Decimal(score)) for score in given["scores_of_cms"]]}


def _cost_points(rules: Rulebook, **given: Any) -> Decimal | str:
    measure = CostMeasure(measure_id="COST_HF_1", episodes=40, **given)
    value = score_cost("HEART_FAILURE", measure, rules).part.parts[0].value
    return "none" if value is None else value


def outcomes_told(given: Given, rules: Rulebook) -> Told:
    """What may become of each item of a clinician of whom only the listing is known."""
    year = facts(listed())
    practice = read_practice(year.practice, rules)
    clinician = read_clinician(year.clinicians[NPI], practice, rules)
    outlook = outlook_of(clinician, practice, Moment(rulebook=rules, as_of=given["outcomes_at"]))
    groups: list[Mapping[str, Iterable[Any]]] = [outlook.measures, outlook.cost, outlook.activities, outlook.added]
    return {item: [_outcome(o) for o in outcomes] for group in groups for item, outcomes in group.items()}


def _outcome(outcome: Any) -> Any:
    told = outcome.points if isinstance(outcome, MeasureOutcome) else outcome
    return "none" if told is None else told


def cehrt_ids(given: Given, rules: Rulebook) -> Told:
    """Whether each text is a CEHRT ID of the year."""
    return {"valid": [is_cehrt_id(text, rules.interoperability) for text in given["cehrt_ids"]]}


def set_findings(given: Given, rules: Rulebook) -> Told:
    """What is found about a set."""
    told = assess(facts(listed(), pi_set(given["set_findings"])), rules, IN_WINDOW)
    return {"findings": [f.code for f in told.findings]}


def share_told(given: Given, rules: Rulebook) -> Told:
    """What a set takes off the final score."""
    told = assess(facts(listed(), pi_set({"PI_EP_1": tuple(given["effect_of"])})), rules, IN_WINDOW)
    return {"effect": told.scores[0].tree.parts[3].value}


def complexity_told(given: Given, rules: Rulebook) -> Told:
    """Points for complex patients, by references that are invented where the row gives some."""
    if "references" in given:
        references = tuple(
            ComplexityReference(indicator=name, **{k: Decimal(v) for k, v in numbers.items()})
            for name, numbers in given["references"].items()
        )
        rules = replace(rules, final_score=replace(rules.final_score, complexity_references=references))
    complexity = Complexity(average_hcc=Decimal(given["average_hcc"]), dual_share=Decimal(given["dual_share"]))
    part = complex_patients_part(complexity, rules)
    return {"reason": part.reasons[0].code} | ({} if part.value is None else {"points": part.value, "most": part.max})


def fixed_midpoint(given: Given, rules: Rulebook) -> Told:
    """The midpoint where the law fixes it."""
    midpoint = Midpoint(kind="FIXED", fixed=rules.payment.midpoint.fixed)
    members = [Member(final_score=Decimal(score), part_b_paid_cents=100) for score in given["fixed_among"]]
    return {"midpoint": standings_of(members, replace(rules.payment, midpoint=midpoint)).midpoint}


def scenarios_told(given: Given, rules: Rulebook) -> Told:
    """The range of the factor under each named assumption about the peers."""
    lowest, highest = (Decimal(score) for score in given["reachable"])
    return {s.name: [s.low_factor, s.high_factor] for s in scenarios_of(lowest, highest, rules.payment) or ()}


def standing_told(given: Given, rules: Rulebook) -> Told:
    """What is said of a cohort of whom so many are seen."""
    scores = [
        SeenScore(cohort=given["seen_of"], revision=1, final_score=Decimal(n % 100), part_b_paid_cents=100)
        for n in range(given["seen"])
    ]
    provenance = Provenance(as_of=IN_WINDOW, engine=1, generation="live")
    told = standing_of_cohort(scores, given["seen_of"], rules, provenance)
    covered = is_covered(told.size_seen, told.size_listed, rules)
    return {"listed": told.size_listed, "covered": covered, "figures": told.midpoint is not None}


def checklist_told(given: Given, rules: Rulebook) -> Told:
    """The items of the readiness checklist."""
    told = assess(facts(listed(), attested()), rules, given["checklist_at"])
    return {"items": [o.item.item for o in told.obligations if o.item.category == READINESS]}


FORMS: Mapping[str, Callable[[Given, Rulebook], Told]] = {
    "terms": terms_told,
    "cohort": cohort_owes,
    "claims": claims_report,
    "each_specialty": each_specialty,
    "each_diagnosis": each_service,
    "each_service": each_service,
    "level": level_told,
    "relief_of_one": narrow_relief,
    "group_of": group_quality,
    "milestones_of": milestones_told,
    "instants": stages_told,
    "starts": starts_told,
    "rates": rates_told,
    "deviations": deviations_told,
    "scores_of_cms": scores_of_cms,
    "outcomes_at": outcomes_told,
    "cehrt_ids": cehrt_ids,
    "set_findings": set_findings,
    "effect_of": share_told,
    "average_hcc": complexity_told,
    "fixed_among": fixed_midpoint,
    "reachable": scenarios_told,
    "checklist_at": checklist_told,
    "seen_of": standing_told,
}


def form_of(given: Given) -> Callable[[Given, Rulebook], Told] | None:
    """How a row is played that tries a list, or None where its table plays it."""
    return next((FORMS[name] for name in FORMS if name in given), None)
