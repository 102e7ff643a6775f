"""What is said, as it is said: scores that move and alerts that fire or end, in lines for a person.

Who is who comes from the SQL view, and from there on from the scores themselves; the topics are followed from where the
view has read them, so that between the two nothing is missed and nothing shown twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kafka import KafkaConsumer

from infra.kafka.connection import Connection
from infra.kafka.reading import reader
from infra.kafka.topics import topic_names
from processors.outputs import Alert, ObligationChanged, ScoreChanged
from processors.sentences import Names, Told, sentence
from schemas.codec import decode

WATCHED = ("asm.scores.v1", "asm.compliance.v1")
_POLL_MS = 200
_MOST_RECORDS = 2000


class Sign(StrEnum):
    """What a line is about."""

    SCORE = "score"
    ALERT = "alert"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was said, in one line."""

    sign: Sign
    as_of: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Whom to follow: clinicians as (TIN, NPI), or a cohort; neither: everybody."""

    clinicians: frozenset[tuple[str, str]] = frozenset()
    cohort: str | None = None
    year: int | None = None


@dataclass(slots=True)
class _Person:
    cohort: str
    names: Names = field(repr=False)


class People:
    """Who is who, by TIN and NPI; ``scores`` are rows of the view, of which the names are read alone."""

    def __init__(self, scores: Iterable[Any]) -> None:
        self._known: dict[tuple[str, str], _Person] = {}
        self._practices: dict[str, set[str]] = {}
        for score in scores:
            names = Names(name=score.name, organization=score.organization, practice_alias=score.practice_alias)
            self._put(score.tin, score.npi, _Person(score.cohort, names))

    def learn(self, said: ScoreChanged) -> None:
        """Take note of whom a score names."""
        names = Names(name=said.name, organization=said.organization, practice_alias=said.practice_alias)
        self._put(said.tin.digits, said.npi, _Person(said.cohort, names))

    def names(self, tin: str, npi: str | None) -> Names:
        """Return the names of a clinician, or of the practice where there is no NPI."""
        known = self._known.get((tin, npi or min(self._practices.get(tin, {""}))))
        return Names() if known is None else known.names

    def cohorts(self, tin: str, npi: str | None) -> set[str]:
        """Return the cohort of a clinician, or those of a practice."""
        npis = self._practices.get(tin, set()) if npi is None else {npi}
        return {self._known[tin, one].cohort for one in npis if (tin, one) in self._known}

    def _put(self, tin: str, npi: str, person: _Person) -> None:
        self._known[tin, npi] = person
        self._practices.setdefault(tin, set()).add(npi)


class Watcher:
    """Makes lines of what is said about those who are followed."""

    def __init__(self, followed: Followed, people: People, now: Callable[[ScoreChanged | ObligationChanged], datetime]):
        self._followed = followed
        self._people = people
        self._now = now

    def lines(self, said: object) -> Iterator[Line]:
        """Yield the line about an output, if it is about somebody who is followed."""
        if isinstance(said, ScoreChanged):
            self._people.learn(said)
            if self._is_followed(said):
                yield Line(sign=Sign.SCORE, as_of=said.as_of, text=self._score(said))
        elif isinstance(said, ObligationChanged) and said.alert is not Alert.NONE and self._is_followed(said):
            names = self._people.names(said.tin.digits, said.npi)
            sign = Sign.ALERT if said.alert is Alert.FIRING else Sign.RESOLVED
            yield Line(sign=sign, as_of=said.as_of, text=sentence(Told.of(said), names, self._now(said)))

    def _is_followed(self, said: ScoreChanged | ObligationChanged) -> bool:
        wanted, tin, npi = self._followed, said.tin.digits, said.npi
        if wanted.year not in {None, said.performance_year}:
            return False
        if wanted.cohort is not None and wanted.cohort not in self._people.cohorts(tin, npi):
            return False
        if not wanted.clinicians:
            return True
        return (tin, npi) in wanted.clinicians if npi else tin in {of for of, _ in wanted.clinicians}

    def _score(self, said: ScoreChanged) -> str:
        names = self._people.names(said.tin.digits, said.npi)
        organization, alias = names.organization, names.practice_alias
        who = " ".join(
            f"{names.name or 'Clinician'}, NPI {said.npi}, {organization or ''} ({alias or 'no alias'})".split()
        )
        now = "not scored" if said.final_score is None else f"{said.final_score:.2f}"
        before = "" if said.previous is None else f"{said.previous:.2f} → "
        prepared = "" if said.prepared_score is None else f", {said.prepared_score:.2f} if all is receipted"
        because = f"{said.cause.type} of {said.cause.source}"
        return f"{who}: {before}{now} points{prepared}; because of {because}"


@contextmanager
def following(connection: Connection, positions: Mapping[tuple[str, int], int]) -> Iterator[KafkaConsumer]:
    """Yield a consumer of what is watched, at the positions that are given.

    :raises Unavailable: the cluster does not answer, or has not one of the topics.
    """
    names = topic_names(connection.settings)
    with reader(connection, *(names.of(topic) for topic in WATCHED)) as consumer:
        for tp, first in consumer.beginning_offsets(list(consumer.assignment())).items():
            consumer.seek(tp, max(first, positions.get((tp.topic, tp.partition), 0)))
        yield consumer


def poll_said(consumer: KafkaConsumer) -> list[object]:
    """Return what was said in the meantime, in the order of its instants."""
    batches = consumer.poll(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
    records = sorted((r for batch in batches.values() for r in batch), key=lambda r: r.timestamp)
    return [decode(record.value) for record in records]


def wall(_: object) -> datetime:
    """Return the wall's time, whatever is said."""
    return datetime.now(UTC)


def as_of(said: ScoreChanged | ObligationChanged) -> datetime:
    """Return the instant as of which something is said: on a simulated clock that is now."""
    return said.as_of
