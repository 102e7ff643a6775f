"""A claim's digests, had by the quick way, are those of the plain way: stored state must go on meaning the same."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.events import ClaimLine, ClaimReceived
from schemas.fingerprint import observe
from schemas.plain import to_json, without_absent
from tests.making import IN_WINDOW, claim

_IDENTITY = {"source", "event_id"}
TEXTS = st.one_of(st.none(), st.text(max_size=5))


def plain_digests(event: ClaimReceived) -> tuple[str, str]:
    plain = without_absent(to_json(event))
    assert isinstance(plain, dict)
    content = {name: value for name, value in plain.items() if name not in _IDENTITY}
    texts = (msgspec.json.encode(told, order="sorted") for told in (plain, content))
    first, second = (sha256(b"ClaimReceived\0" + text).hexdigest() for text in texts)
    return first, second


def digests(event: ClaimReceived) -> tuple[str, str]:
    observed = observe(event, IN_WINDOW, "here")
    return observed.digest, observed.content


def lines() -> st.SearchStrategy[tuple[ClaimLine, ...]]:
    line = claim().lines[0]
    changed = st.builds(
        lambda hcpcs, modifiers, pointers, cents: replace(
            line, hcpcs=hcpcs, modifiers=modifiers, diagnosis_pointers=pointers, allowed_cents=cents
        ),
        TEXTS,
        st.lists(st.text(max_size=2), max_size=2).map(tuple),
        st.lists(st.integers(1, 4), max_size=2).map(tuple),
        st.one_of(st.none(), st.integers(-(2**40), 2**40)),
    )
    return st.lists(changed, max_size=3).map(tuple)


@given(lines(), st.lists(st.text(max_size=4), max_size=3).map(tuple), TEXTS, st.text(max_size=5))
def test_the_quick_way_and_the_plain_way_give_the_same_digests(
    told: tuple[ClaimLine, ...], diagnoses: tuple[str, ...], area: str | None, claim_id: str
) -> None:
    event = replace(claim(event_id="c1"), lines=told, diagnoses=diagnoses, area=area, claim_id=claim_id)
    assert digests(event) == plain_digests(event)


@pytest.mark.parametrize("name", ["event_id", "source"])
def test_who_says_a_claim_is_not_its_content(name: str) -> None:
    event = claim(event_id="c1")
    changed: dict[str, Any] = {name: "other"}
    other = replace(event, **changed)
    assert digests(event)[0] != digests(other)[0]
    assert digests(event)[1] == digests(other)[1]
