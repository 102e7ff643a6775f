"""``asm feeds`` and ``asm reasons`` where no broker runs: usage, and every code explained."""

from pathlib import Path

import pytest

from infra.feeds import ExpectedFeed
from infra.kafka.java import WAYS
from processors.reasons import REASONS, Kind
from schemas.reason_examples import reason_examples
from streams.commands.feeds import _row, _shown
from streams.commands.reasons import ARISES
from streams.feed_watch import Silences
from tests.infra.test_feeds import CLAIMS, REGISTRY
from tests.making import at
from tests.streams.test_commands import DONE, REFUSED, UNAVAILABLE, USAGE, Asm, asm
from tests.streams.test_feed_watch import NOON, feed

__all__ = ["asm"]


def test_without_a_file_no_feed_is_listed(asm: Asm) -> None:
    ran = asm("feeds", "list")
    assert (ran.code, ran.out, ran.words) == (
        REFUSED,
        "",
        "asm: No feed is expected: ASM_FEEDS_FILE names no file, or one without feeds. ",
    )


@pytest.mark.parametrize("command", [("feeds", "list"), ("project",)])
def test_a_file_of_feeds_that_cannot_be_is_a_usage_error_with_its_line(command: tuple[str, ...], asm: Asm) -> None:
    Path("feeds.toml").write_text(REGISTRY + CLAIMS.replace('"Billing"', "1"))
    ran = asm(*command, ASM_FEEDS_FILE="feeds.toml", ASM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (ran.code, ran.err) == (USAGE, "asm: feeds.toml, line 11: owner: Expected `str`, got `int`\n")


@pytest.mark.parametrize("command", [("list",), ("account", "registry")])
def test_without_a_broker_feeds_are_not_told_and_the_ways_to_one_are(command: tuple[str, ...], asm: Asm) -> None:
    Path("feeds.toml").write_text(REGISTRY)
    ran = asm("feeds", *command, ASM_FEEDS_FILE="feeds.toml")
    assert (ran.code, ran.out, WAYS in ran.err) == (UNAVAILABLE, "", True)


def test_an_instant_without_its_offset_is_a_usage_error(asm: Asm) -> None:
    ran = asm("feeds", "account", "registry", "--since", "2028-01-01T00:00", ASM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (ran.code, ran.out) == (USAGE, "")


def known(expected: ExpectedFeed) -> Silences:
    silences = Silences({expected.source: expected}, NOON)
    silences.heard("registry", "asm.submissions.v1", NOON)
    return silences


@pytest.mark.parametrize(
    ("now", "state"), [(at("2028-03-02"), "HEARD"), (at("2028-03-20"), "SILENT"), (None, "NOT_WATCHED")]
)
def test_a_feed_is_heard_silent_or_on_a_simulated_clock_not_watched(now: object, state: str) -> None:
    expected = feed()
    assert _row(expected, known(expected), {"registry": NOON}, now) == {  # type: ignore[arg-type]
        "source": "registry",
        "state": state,
        "last_event": NOON,
        "announced_since": NOON,
        "every": expected.every,
        "topics": ["asm.submissions.v1"],
        "owner": "Desk",
        "contact": "desk@example.org",
    }


def test_what_is_not_known_of_a_feed_is_shown_as_a_dash() -> None:
    assert [_shown(value) for value in (None, NOON, feed().every, ["a", "b"], "x")] == [
        "–",
        "2028-03-01 07:00 EST",
        "7 days",
        "a, b",
        "x",
    ]


# asm reasons


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_code_is_explained_with_its_example(code: str, asm: Asm) -> None:
    ran = asm("reasons", code, "--json")
    (document,) = ran.documents
    meaning, example = REASONS[code], reason_examples()[code]
    assert (ran.code, ran.err) == (DONE, "")
    assert (document["code"], document["kind"]) == (code, meaning.kind.value)
    assert (document["meaning"], document["remedy"]) == (meaning.meaning, meaning.remedy)
    assert (document["cites"], document["example"]["says"]) == (list(meaning.cites), example.says)
    assert document["example"].get("event", {}).get("type") == (example.event and example.event["type"])


def test_a_code_is_shown_with_what_is_otherwise_in_the_event(asm: Asm) -> None:
    ran = asm("reasons", "malformed_npi")
    assert (ran.code, ran.err) == (DONE, "")
    assert ran.account == [
        (
            "arises",
            f"refusal – {ARISES[Kind.REFUSAL]}",
        ),
        ("means", "The NPI is not ten digits beginning 1 or 2 with a valid check digit."),
        ("what to do", "Correct the NPI; test files need ASM_TEST_IDENTIFIERS=accept."),
        ("for example", "The last digit is not the check digit of the others."),
        ("in the event", 'asm.v1.SubmissionReceived npi = "1123456780"'),
    ]


def test_without_a_code_all_are_listed(asm: Asm) -> None:
    assert [d["code"] for d in asm("reasons", "--json").documents[0]] == sorted(REASONS)
    assert asm("reasons").out.startswith(f"{len(REASONS)} codes")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NPI", "There is no code NPI; there are MALFORMED_NPI."),
        ("nonsense", "There is no code NONSENSE: `asm reasons`."),
    ],
)
def test_a_code_that_is_none_is_told_with_those_that_are_like_it(code: str, said: str, asm: Asm) -> None:
    ran = asm("reasons", code)
    assert (ran.code, ran.out, ran.err) == (REFUSED, "", f"asm: {said}\n")
