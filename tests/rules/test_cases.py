"""The case tables: each row of a TOML file is a sentence that an analyst can read, and a test."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.assessment import assess
from processors.clinician import read_clinician
from processors.cost import score_cost
from processors.data_submission import View
from processors.eligibility import read_roster
from processors.events import Arrangement, ClaimsMeasure, CostMeasure, Measurement
from processors.final_score import Combination, final_score, small_practice_part
from processors.gaps import Gap
from processors.improvement_activities import activities_part, judge_activity
from processors.notices import ERROR_NOTICE, NOTICE
from processors.obligations import stand
from processors.payment import Member, adjustment_factor, standings_of
from processors.periods import days_inside_year
from processors.practice import read_practice
from processors.progress import Item, Moment, Progress
from processors.promoting_interoperability import judge_set, read_statements
from processors.quality import Judged, Unit, judge, judge_claims_measure
from processors.readiness import READINESS
from processors.rulebook import Rulebook, Standing
from processors.vocabulary import ParticipantList, ResultStatus, Stage
from tests.making import (
    IN_WINDOW,
    NPI,
    TIN,
    attested,
    cost,
    facts,
    listed,
    obligation_of,
    observed,
    pi_set,
    quality,
    removed,
    result,
    rulebook,
)
from tests.rules.episode_cases import episodes_case
from tests.rules.law_cases import form_of
from tests.rules.mutation import Cases

HERE = Path(__file__).parent
PLACES = Decimal("0.00000001")


def quality_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    measure = next(m for m in rules.quality.measures if m.measure_id == given["measure_id"])
    if not measure.collection_types:
        told = {k: v for k, v in given.items() if k != "measure_id"}
        result = ClaimsMeasure(measure_id="492", rate=Decimal(told["rate"]), cases=told["cases"]) if told else None
        return _judged(judge_claims_measure(measure, result, rules))
    reported = Measurement(**{k: v for k, v in given.items() if k != "collection_type"})
    document = read_clinician(
        facts(listed(), quality(reported, collection_type=given["collection_type"])).clinicians[NPI],
        read_practice(facts().practice, rules),
        rules,
    ).documents[0]
    revision = document.standing(View.RECEIPTED)
    assert revision is not None
    unit = Unit(measure=measure, collection_type=given["collection_type"], row=reported, revision=revision)
    return _judged(judge([unit], rules))


def _judged(judged: Judged) -> dict[str, Any]:
    told = {"reason": judged.part.reasons[0].code, "submitted": judged.counts_as_submitted}
    return told if judged.points is None else told | {"points": judged.points}


def cost_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    result = None
    if given:
        result = CostMeasure(
            measure_id="COST_HF_1",
            episodes=given["episodes"],
            cost_per_episode_cents=given.get("cost"),
            national_median_cents=given.get("median"),
            standard_deviation_cents=given.get("deviation"),
            score=given.get("score"),
        )
    leaf = score_cost("HEART_FAILURE", result, rules).part.parts[0]
    told = {"reason": leaf.reasons[0].code}
    return told if leaf.value is None else told | {"points": leaf.value}


def activities_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    activities = rules.activities.activities
    if "done" in given:
        practice = read_practice(facts(*(attested(a.activity_id) for a in activities[: given["done"]])).practice, rules)
        return {"effect": activities_part(practice.now.activities, rules).value}
    told = {k: v for k, v in given.items() if k not in {"arrangement", "no_arrangement"}}
    told = {"period_start": None, "period_end": None} | told | {"performance_year": rules.performance_year}
    if "elements" in told:
        told["elements"] = tuple(told["elements"])
    if "arrangement" in given:
        told["arrangement"] = Arrangement(counterparty_type="PRIMARY_CARE", **given["arrangement"])
    if given.get("no_arrangement"):
        told["arrangement"] = None
    practice = read_practice(facts(attested(**told)).practice, rules)
    activity = next(a for a in activities if a.activity_id == given["activity_id"])
    result = judge_activity(activity, practice.attestations[0].standing(View.RECEIPTED), rules)
    return {"done": result.done, "gaps": [g.code for g in result.gaps], "doubts": [g.code for g in result.doubts]}


def interoperability_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    told = {
        k: None if v == "absent" else tuple(v) if isinstance(v, list) else v for k, v in given.get("told", {}).items()
    }
    changes = {k: v or None for k, v in given.items() if k != "told"}
    practice = read_practice(facts(pi_set(told, **changes)).practice, rules)
    revision = practice.documents[0].standing(View.RECEIPTED)
    result = judge_set(revision, read_statements(revision, {}, rules), rules)
    return {"share": result.share, "codes": [g.code for g in result.gaps + result.faults]}


def final_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    if "submitted" not in given:
        part = small_practice_part(listed(**given), rules)
        return {"points": part.value, "reason": part.reasons[0].code}
    numbers = {k: None if k not in given else Decimal(given[k]) for k in ("quality", "cost")}
    combination = Combination(**numbers, added=Decimal(given["added"]), submitted=given["submitted"])
    final = final_score(combination, rules.final_score)
    return {} if final is None else {"final_score": final}


def submission_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    if "as_of" in given:
        return {"stage": Moment(rulebook=rules, as_of=given["as_of"]).stage}
    sent = quality(receipted_at=given["receipted_at"], confirmation="C-1")
    clinician = read_clinician(
        facts(listed(), observed(sent)).clinicians[NPI], read_practice(facts().practice, rules), rules
    )
    return {"counts": clinician.documents[0].standing(View.RECEIPTED) is not None}


def compliance_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    if "as_ofs" in given:
        told = [
            compliance_case({k: v for k, v in given.items() if k != "as_ofs"} | {"as_of": at}, rules)
            for at in given["as_ofs"]
        ]
        return {name: [each[name] for each in told] for name in ("status", "alerting")}
    if given["category"] == NOTICE:
        return _notice_case(given, rules)
    if "sent_at" in given:
        sent = observed(quality(stage=Stage(given["waiting"])), given["sent_at"])
        reported = obligation_of(assess(facts(listed(), sent), rules, given["as_of"]), "236")
        return {"status": reported.status, "alerting": reported.alerting}
    flags = {k: v for k, v in given.items() if k not in {"category", "as_of", "waiting", "doubtful"}}
    waiting = Stage(given["waiting"]) if "waiting" in given else None
    doubts = (Gap(code="ELEMENTS_MISSING", message="two of three"),) if given.get("doubtful") else ()
    progress = Progress(**flags, waiting=waiting, doubts=doubts)
    item = Item(
        tin=TIN,
        npi=None,
        category=given["category"],
        item="X",
        title="",
        cites=(),
        standing=Standing.ASSUMED,
        by_deadline=given["category"] != READINESS,
    )
    status, alerting = stand(item, progress, Moment(rulebook=rules, as_of=given["as_of"]))
    return {"status": status, "alerting": alerting}


def _notice_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    preliminary = result(event_id="p", performance_year=rules.performance_year, status=ResultStatus.PRELIMINARY)
    words = [observed(replace(preliminary, cost_measure=cost()), given.get("preliminary_since", IN_WINDOW))]
    if given.get("settled"):
        words.append(observed(replace(preliminary, event_id="f", cost_measure=cost(), status=ResultStatus.FINAL)))
    moment = Moment(rulebook=rules, as_of=given["as_of"])
    told = obligation_of(assess(facts(listed(), *words), rules, moment.as_of), ERROR_NOTICE)
    return {"status": told.status, "alerting": told.alerting, "due_at": told.due_at or "unknown"}


def payment_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    if "peers" not in given:
        return {"risk_level": rules.payment.risk_level}
    members = [Member(final_score=Decimal(s), part_b_paid_cents=100) for s in given["peers"]]
    standings = standings_of(members, rules.payment)
    score = Decimal(given["score"]) if "score" in given else None
    factor = adjustment_factor(score, standings, rules.payment)
    return {"midpoint": standings.midpoint} | ({} if factor is None else {"factor": factor})


def terms_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    return {"days": days_inside_year(given["period_start"], given["period_end"], rules)}


def eligibility_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    words = [
        observed(
            (removed if word.get("removed") else listed)(
                event_id=f"e{number}",
                performance_year=rules.performance_year,
                **{k: v for k, v in word.items() if k not in {"at", "removed", "list"}},
                **({"list": ParticipantList(word["list"])} if "list" in word else {}),
            ),
            word["at"],
        )
        for number, word in enumerate(given["words"])
    ]
    (clinician,) = facts(*words).clinicians.values()
    roster = read_roster(clinician)
    assert roster is not None
    return {"cohort": roster.cohort, "eligible": roster.eligible}


RUNNERS: Mapping[str, Callable[[Mapping[str, Any], Rulebook], dict[str, Any]]] = {
    "512_705_terms": terms_case,
    "512_710_eligibility": eligibility_case,
    "512_710_episodes": episodes_case,
    "512_720_data_submission": submission_case,
    "512_725_quality": quality_case,
    "512_730_cost": cost_case,
    "512_735_improvement_activities": activities_case,
    "512_740_promoting_interoperability": interoperability_case,
    "512_745_final_score": final_case,
    "512_750_payment": payment_case,
    "compliance": compliance_case,
}


def _rows() -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (path.stem, case)
        for path in sorted(HERE.glob("*.toml"))
        for case in tomllib.loads(path.read_text(), parse_float=Decimal)["case"]
    ]


def told_and_expected(table: str, case: Mapping[str, Any], rules: Rulebook) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a row comes out as under a rulebook, and what it says."""
    play = form_of(case["given"]) or RUNNERS[table]
    return _plain(play(case["given"], rules)), _plain(case["expect"])


def _plain(value: Any) -> Any:
    """Numbers as decimals of eight places, so that 1 and 1.0 are one."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value).quantize(PLACES)
    return value


def _holds(row: tuple[str, Mapping[str, Any]], rules: Rulebook) -> bool:
    told, expected = told_and_expected(*row, rules)
    return told == expected


CASES = Cases(
    rows=_rows(),
    year_of=lambda row: int(row[1]["performance_year"]),
    holds=_holds,
    law=load_rulebooks(DEFAULT_VINTAGE),
)


@pytest.mark.parametrize(
    ("table", "case"), [pytest.param(table, case, id=f"{table}: {case['why']}") for table, case in CASES.rows]
)
def test_a_case_of_the_tables_comes_out_as_its_row_says(table: str, case: Mapping[str, Any]) -> None:
    told, expected = told_and_expected(table, case, rulebook(case["performance_year"]))
    assert told == expected
