"""What became of dead letters, by the records of what operators did."""

from schemas.records import OperationRecorded
from streams.dead_letters import LetterState, dealt_with
from tests.making import at


def done(command: str, *items: str) -> OperationRecorded:
    return OperationRecorded(actor="a", command=command, scope="", reason="", instant=at("2028-01-01"), items=items)


def test_the_last_word_of_a_letter_stands_and_other_operations_are_none() -> None:
    recorded = [done("dead-letters drop", "0/1", "0/2"), done("topics lost --accept", "0/3"), "something else"]
    assert dealt_with([*recorded, done("dead-letters redrive", "0/2")]) == {
        "0/1": LetterState.DROPPED,
        "0/2": LetterState.REDRIVEN,
    }


def test_what_was_recorded_before_an_import_is_about_letters_that_are_lost() -> None:
    recorded = [done("dead-letters drop", "0/1"), done("journal import"), done("dead-letters redrive", "0/7")]
    assert dealt_with(recorded) == {"0/7": LetterState.REDRIVEN}
