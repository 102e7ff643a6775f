"""The file of expected feeds: read whole, or refused with its line and key."""

from datetime import timedelta
from pathlib import Path

import pytest

from infra.feeds import ExpectedFeed, FeedsFileError, parse_feeds, read_feeds
from tests.making import at

REGISTRY = """\
# who sends what
[[feed]]
source  = "registry"
owner   = "Registry desk"
contact = "desk@registry.example"
topics  = ["asm.submissions.v1"]
every   = "P7D"

"""
CLAIMS = """\
[[feed]]
source  = "claims"
owner   = "Billing"
contact = "+1 555 0100"
topics  = ["asm.claims.v1", "asm.submissions.v1"]
every   = "PT36H"
starts  = 2027-02-01T00:00:00Z
"""


def test_feeds_are_read_by_their_source_in_the_order_of_the_file() -> None:
    assert list(parse_feeds(REGISTRY + CLAIMS, "feeds.toml").items()) == [
        (
            "registry",
            ExpectedFeed(
                source="registry",
                owner="Registry desk",
                contact="desk@registry.example",
                topics=("asm.submissions.v1",),
                every=timedelta(days=7),
            ),
        ),
        (
            "claims",
            ExpectedFeed(
                source="claims",
                owner="Billing",
                contact="+1 555 0100",
                topics=("asm.claims.v1", "asm.submissions.v1"),
                every=timedelta(hours=36),
                starts=at("2027-02-01"),
            ),
        ),
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('"Billing"', "17", "feeds.toml, line 11: owner: Expected `str`, got `int`"),
        ('"Billing"', '""', "feeds.toml, line 11: owner: Expected `str` of length >= 1"),
        ('owner   = "Billing"\n', "", "feeds.toml, line 9: Object missing required field `owner`"),
        ("contact", "contct", "feeds.toml, line 12: contct: there is no such key"),
        ('"PT36H"', '"36 hours"', "feeds.toml, line 14: every: Invalid ISO8601 duration"),
        ('"PT36H"', '"PT0S"', "feeds.toml, line 14: every: must be longer than nothing"),
        ('"PT36H"', '"P90D"', "feeds.toml, line 14: every: the topics keep 90 days"),
        ("T00:00:00Z", "T00:00:00", "feeds.toml, line 15: starts: Expected `datetime` with a timezone component"),
        ('["asm.claims.v1", ', '["asm.scores.v1", ', "feeds.toml, line 13: topics: asm.scores.v1 is none of "),
        (
            '["asm.claims.v1", "asm.submissions.v1"]',
            "[]",
            "feeds.toml, line 13: topics: Expected `array` of length >= 1",
        ),
        ('"claims"', '"registry"', "feeds.toml, line 10: source: registry stands here twice"),
        ('"claims"', '"claims', "feeds.toml: Illegal character '\\n' (at line 10, column 18)"),
        (
            "[[feed]]",
            "[[feeds]]",
            "feeds.toml: feeds: there is no such key; the file holds [[feed]] tables and nothing",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_line_and_key(was: str, becomes: str, said: str) -> None:
    with pytest.raises(FeedsFileError) as refused:
        parse_feeds(REGISTRY + CLAIMS.replace(was, becomes, 1), "feeds.toml")
    assert str(refused.value).startswith(said)


def test_feeds_that_are_written_as_one_array_are_refused_with_their_key() -> None:
    with pytest.raises(FeedsFileError) as refused:
        parse_feeds('feed = [{ source = "a", owner = 1 }]', "feeds.toml")
    assert str(refused.value) == "feeds.toml, line 1: owner: Expected `str`, got `int`"


def test_without_a_file_no_feed_is_expected() -> None:
    assert read_feeds(None) == {}


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FeedsFileError) as refused:
        read_feeds(path)
    assert str(refused.value).startswith(f"ASM_FEEDS_FILE: {path} cannot be read as text: ")
