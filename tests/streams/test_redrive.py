"""A record that comes again from a dead letter is judged as what it was received as the first time."""

from dataclasses import replace

import pytest

from processors.identity import Npi
from schemas.codec import InvalidRecord, encode
from schemas.partitioning import partition_of
from schemas.records import DeadLetter
from streams.admission import REDRIVE, Inbound, Redriven, Rules, admit, admit_batch, dead_letter, inbound_of
from streams.redrive import Received, inbound_from, redrive_row
from tests.making import TIN, claim, listed

RULES = Rules(partitions=4)
KEY = TIN.digits.encode()
HOME = partition_of(KEY, 4)
TEST_NPI = Npi("9876543210")
EVENT = listed(event_id="l1", npi=TEST_NPI)
FIRST = inbound_of(EVENT, RULES, offset=17, timestamp=1_700_000_000_123)
PLACE = f"asm.determinations.v1/{HOME}/17"


def letter_of(record: Inbound) -> DeadLetter:
    (letter,) = admit_batch([record], RULES).letters
    return letter


def again(letter: DeadLetter, **headers: bytes | None) -> Inbound:
    row = redrive_row(letter, KEY)
    told = {**dict(row.headers), **headers}
    return inbound_from(
        Received(
            topic=REDRIVE,
            partition=HOME,
            offset=3,
            key=row.key,
            value=row.value,
            timestamp=1_800_000_000_000,
            headers=[(name, value) for name, value in told.items() if value is not None],
        )
    )


def test_it_has_its_own_bytes_receipt_time_and_origin_and_counts_its_tries() -> None:
    letter = letter_of(FIRST)
    assert (letter.reason, letter.attempts, letter.origin) == ("MALFORMED_NPI", 1, PLACE)
    record = again(letter)
    assert record == replace(FIRST, offset=3, redriven=Redriven(origin=PLACE, attempts=1))
    second = letter_of(record)
    assert second == replace(letter, attempts=2)
    assert letter_of(again(second)) == replace(letter, attempts=3)


def test_after_the_fix_it_becomes_the_row_that_it_would_have_been() -> None:
    fixed = Rules(partitions=4, accept_test_identifiers=True)
    assert admit(again(letter_of(FIRST)), fixed) == admit(FIRST, fixed)


def test_it_is_tried_twice_more_and_not_a_third_time() -> None:
    letter = replace(letter_of(FIRST), attempts=3)
    with pytest.raises(InvalidRecord, match="REDRIVEN_TOO_OFTEN: tried 3 times"):
        redrive_row(letter, KEY)


def test_without_a_payload_or_without_any_tin_it_cannot_be_tried_again() -> None:
    in_clear = letter_of(inbound_of(claim(event_id="c1", beneficiary="1EG4TE5MK73"), RULES))
    with pytest.raises(InvalidRecord, match="NO_PAYLOAD"):
        redrive_row(in_clear, KEY)
    poison = replace(FIRST, value=b"poison", key=None)
    with pytest.raises(InvalidRecord, match="NO_KEY"):
        redrive_row(letter_of(poison), None)
    assert redrive_row(letter_of(poison), KEY).key == KEY


def test_the_tin_of_the_body_is_the_key_whatever_it_was() -> None:
    wrong = replace(FIRST, key=b"999999999", value=encode(listed(event_id="l2")))
    letter = letter_of(wrong)
    assert (letter.reason, redrive_row(letter, b"999999999").key) == ("KEY_MISMATCH", KEY)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": None},
        {"origin": b"asm.journal.v1/0/1"},
        {"origin": b"asm.determinations.v1/x/1"},
        {"origin": b"asm.determinations.v1/0/-1"},
        {"origin": b"\xff"},
        {"origin": b"nowhere"},
        {"received_at": None},
        {"received_at": b"yesterday"},
        {"received_at": b"-5"},
        {"attempts": None},
        {"attempts": b"0"},
        {"attempts": b"3"},
    ],
    ids=str,
)
def test_what_does_not_say_where_it_was_received_first_is_refused_with_nothing_of_it_kept(
    headers: dict[str, bytes | None],
) -> None:
    letter = letter_of(again(letter_of(FIRST), **headers))
    assert (letter.reason, letter.origin, letter.attempts) == ("MALFORMED_REDRIVE", f"{REDRIVE}/{HOME}/3", 1)


def test_headers_of_another_topic_say_nothing() -> None:
    plain = Received(
        topic=FIRST.topic,
        partition=HOME,
        offset=17,
        key=FIRST.key,
        value=FIRST.value,
        timestamp=FIRST.timestamp,
        headers=[("origin", b"asm.claims.v1/0/1"), ("received_at", b"1"), ("attempts", b"1")],
    )
    assert inbound_from(plain) == FIRST
    assert dead_letter(FIRST, InvalidRecord("MALFORMED_NPI", "x")).attempts == 1
