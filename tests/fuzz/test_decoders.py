"""Whatever bytes a decoder is given, it gives what it promises or one of its named errors, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.decoders import CORPUS, DECODERS, stored
from tests.fuzz.seeds import SEEDS

#: What breaks parsers, put into the middle of what is valid.
ODD = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\n", b'"', b"'", b"|", b",", b"\\ud800", b"\xed\xa0\x80"),
    *(b"\\u0000", b"NaN", b"-Infinity", b"1e999999999", b"-1", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000),
    *(b"x" * 140_000, b"\x80" * 12, b"\xff" * 9 + b"\x01", b"\x01", b'"id":1,"id":2,', b"31-Feb-0000", b"0001-01-01"),
)
QUICK = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["NaN", "1e9999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
kept = pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name in DECODERS for path in stored(name)],
    ids=lambda part: getattr(part, "name", part),
)
every = pytest.mark.parametrize("name", DECODERS)


def assert_named(name: str, content: bytes) -> None:
    """Fails by whatever comes out of the harness."""
    DECODERS[name].run(content)


def test_every_decoder_has_seeds_and_a_share_of_the_whole() -> None:
    assert set(SEEDS) == set(DECODERS)
    assert sum(decoder.share for decoder in DECODERS.values()) == 1000
    assert {path.name for path in CORPUS.iterdir()} <= set(DECODERS)


@kept
def test_what_is_kept_is_read_or_refused_by_name(name: str, path: Path) -> None:
    assert_named(name, path.read_bytes())


@every
def test_what_is_valid_is_read(name: str) -> None:
    for content in SEEDS[name]():
        assert_named(name, content)


@every
@QUICK
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused_by_name(name: str, content: bytes) -> None:
    assert_named(name, content)


@every
@QUICK
@given(data=st.data())
def test_what_is_valid_but_for_something_odd_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(SEEDS[name]()))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 12, len(content))))
        content = content[:start] + data.draw(st.sampled_from(ODD) | st.binary(max_size=4)) + content[end:]
    assert_named(name, content)


@pytest.mark.parametrize("name", ["json_lines", "qpp"])
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_json_with_a_value_of_another_kind_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    whole = json.loads(data.draw(st.sampled_from(SEEDS[name]()[:3])))
    holder: Any = whole
    while True:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.integers(0, 4)) == 0:
            break
        holder = holder[key]
    holder[key] = data.draw(JSON)
    assert_named(name, json.dumps(whole).encode())
