"""Every code is explained by an example, and where an event shows it, that event leads to it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from processors.reasons import REASONS
from schemas.cloudevents import parse_event
from schemas.codec import InvalidRecord
from schemas.plain import to_avro
from schemas.reason_examples import example_record, reason_examples
from streams.admission import Rules
from streams.in_process import InProcess
from tests.making import at
from tests.streams.driver import LAW

ROSTER = ("ParticipantListed/listed_heart_failure_clinician", "ParticipantListed/listed_low_back_pain_clinician")
EXECUTED = sorted(code for code, example in reason_examples().items() if example.events)


def test_every_code_has_an_example_and_no_example_is_of_another_code() -> None:
    assert sorted(reason_examples()) == sorted(REASONS)


def test_every_example_is_a_sentence() -> None:
    assert [code for code, e in reason_examples().items() if not e.says.endswith(".") or len(e.says) < 15] == []


def codes_in(value: Any) -> Iterator[str]:
    """Every code that an output names."""
    if isinstance(value, dict):
        if isinstance(value.get("code"), str):
            yield value["code"]
        for below in value.values():
            yield from codes_in(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from codes_in(below)


def codes_of(events: list[dict[str, Any]], until: datetime) -> set[str]:
    """Every code that is given when events are sent in the order of their receipt."""
    system = InProcess(LAW, Rules(partitions=1))
    refused = set()
    for text in sorted(events, key=lambda e: datetime.fromisoformat(e["time"])):
        try:
            parsed = parse_event(json.dumps(text))
        except InvalidRecord as error:
            return {error.reason}
        answer = system.send(parsed.event, parsed.time)
        refused |= {answer.reason} if answer is not None else set()
    system.play_ticks(until)
    return refused | {code for output in system.outputs for code in codes_in(to_avro(output))}


@pytest.mark.parametrize("code", EXECUTED)
def test_the_event_of_an_example_leads_to_its_code(code: str) -> None:
    events = [example_record(name) for name in ROSTER] + [dict(event) for event in reason_examples()[code].events]
    now = max(datetime.fromisoformat(event["time"]) for event in events).astimezone(UTC)
    assert code in codes_of(events, max(now, at("2028-03-20T00:00:00+00:00")))


#: What already stands in the score of who is on the roster, of whom nothing else is known.
OF_THE_ROSTER = {"NOT_SUBMITTED", "AWAITING_CMS", "NOT_ATTESTED", "EFFECT", "SMALL", "NOT_SMALL", "WEIGHT_MOVED"}


def test_without_their_events_the_codes_are_not_given() -> None:
    roster = [example_record(name) for name in ROSTER]
    given = codes_of(roster, at("2028-03-20T00:00:00+00:00"))
    assert set(EXECUTED) & given == OF_THE_ROSTER
