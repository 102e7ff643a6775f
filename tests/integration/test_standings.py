"""Cohort standings on a real Kafka: said once as the scores change, once more by nobody after a restart, and shown."""

from dataclasses import replace
from decimal import Decimal

import pytest

from processors.identity import Npi
from processors.outputs import StandingChanged
from schemas.codec import decode, encode
from tests.integration.system import System, await_that
from tests.making import TIN, at
from tests.streams.test_standings import HF, SCORE, numbered

pytestmark = pytest.mark.integration
SCORES = "asm.scores.v1"


def say(system: System, npi: Npi, final_score: int, revision: int = 1) -> None:
    said = replace(SCORE, npi=npi, final_score=Decimal(final_score), revision=revision)
    system.send_bytes(SCORES, TIN.digits.encode(), encode(said), at("2028-02-01"))


def said(system: System) -> list[tuple[int, int, Decimal | None]]:
    found: list[StandingChanged] = [decode(record.value) for record in system.read("asm.standings.v1")]
    return [(o.revision, o.size_seen, o.midpoint) for o in found]


def test_standings_are_said_as_scores_change_and_not_again_after_a_kill(system: System) -> None:
    for number in range(12):
        say(system, numbered(number), 40 + number)
    system.send([])  # all delivered
    following = system.start("standings")
    await_that(lambda: said(system) == [(1, 12, Decimal("45.5"))], 30, "the first standing")
    following.kill()
    following = system.start("standings")
    say(system, numbered(0), 99, revision=2)
    system.send([])
    await_that(lambda: said(system)[1:] == [(2, 12, Decimal("46.5"))], 30, "the second standing")
    assert following.stop() == 0
    told = system.run("standings", "--once")
    assert (told.returncode, told.stderr.splitlines()[-1]) == (0, "asm: 0 standings said.")
    (first, *_) = system.read("asm.standings.v1")
    assert first.key == f"{HF}|2027".encode()


def test_without_topics_it_says_what_to_do(system: System) -> None:
    told = system.run("standings", "--once", ASM_NAMESPACE="nobody.")
    assert (told.returncode, "asm topics apply" in told.stderr) == (3, True)
