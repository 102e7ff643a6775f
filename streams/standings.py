"""Scores -> cohort standings: what everybody who is seen comes to, for readers who show a factor by cohort.

It keeps no state: at the start it reads all scores and what it last said. What is said is made of the latest score of
each participant, so it may skip what was between. It runs as one process; two would say the same things twice.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.kafka.reading import Pulse, reader, records_to_end
from infra.kafka.topics import topic_names
from infra.kafka.writing import close_producer, open_producer
from infra.log import Log
from infra.progress import PROGRESS
from processors.outputs import ScoreChanged, StandingChanged
from processors.rulebook import Rulebook
from processors.standings import Provenance, SeenScore, standing_of_cohort
from schemas.codec import decode, encode
from streams.waiting import Patience

SCORES, STANDINGS = "asm.scores.v1", "asm.standings.v1"
_POLL_MS = 1000
_MOST_RECORDS = 5000
_FLUSH_SECONDS = 30
Cohort = tuple[str, int]


class Cohorts:
    """The latest score of each participant, and what was last said of each cohort and year."""

    def __init__(self, rulebooks: Mapping[int, Rulebook]) -> None:
        self._rulebooks = rulebooks
        self._scores: dict[tuple[str, str, int], SeenScore] = {}
        self._said: dict[Cohort, tuple[int, bytes]] = {}  # revision and content, as it is on the wire
        self._provenance: dict[Cohort, Provenance] = {}
        self._touched: set[Cohort] = set()

    def remember(self, said: StandingChanged) -> None:
        """Take note of what was said before."""
        self._said[said.cohort, said.performance_year] = said.revision, _content(said)

    def take(self, score: ScoreChanged) -> None:
        """Take note of a score."""
        key = (score.tin.digits, score.npi, score.performance_year)
        before = self._scores.get(key)
        if before is not None and before.revision >= score.revision:
            return
        self._scores[key] = SeenScore.of(score)
        provenance = Provenance(as_of=score.as_of, engine=score.engine, generation=score.generation)
        for cohort in {score.cohort, score.cohort if before is None else before.cohort}:
            touched = (cohort, score.performance_year)
            self._touched.add(touched)
            known = self._provenance.setdefault(touched, provenance)
            self._provenance[touched] = max(known, provenance, key=lambda p: p.as_of)

    def changed(self) -> list[StandingChanged]:
        """Return the standings that are other than what was last said, of cohorts that the rulebooks know."""
        touched, self._touched = self._touched, set()
        members: defaultdict[Cohort, list[SeenScore]] = defaultdict(list)
        for (_, _, year), score in self._scores.items():
            members[score.cohort, year].append(score)
        told = []
        for cohort, year in sorted(touched):
            if year in self._rulebooks:
                provenance = self._provenance[cohort, year]
                standing = standing_of_cohort(members[cohort, year], cohort, self._rulebooks[year], provenance)
                revision, content = self._said.get((cohort, year), (0, b""))
                if content != _content(standing):
                    told.append(replace(standing, revision=revision + 1))
                    self.remember(told[-1])
        return told


def _content(standing: StandingChanged) -> bytes:
    """Return what a standing says, whenever it says so."""
    return encode(replace(standing, revision=0, as_of=datetime.fromtimestamp(0, UTC)))


class Standings:
    """Follows the scores of a generation and says what each cohort comes to."""

    def __init__(
        self, connection: Connection, rulebooks: Mapping[int, Rulebook], patience: Patience | None = None
    ) -> None:
        self._connection = connection
        self._patience = patience or Patience(connection.settings.unavailable_limit_seconds)
        self._names = topic_names(connection.settings)
        self._cohorts = Cohorts(rulebooks)
        self._log = Log()
        self.said = 0

    def run(self, *, once: bool) -> None:
        """Read all scores that are there, say what changed, and go on until told to stop; ``once``: stop then.

        :raises Unavailable: the broker does not answer, or a topic is missing.
        """
        PROGRESS.expect("standings")
        settings = self._connection.settings
        name = f"{settings.namespace}asm-standings-{settings.generation}"
        producer = open_producer(self._connection, transactional_id=name)
        try:
            # fenced first: what a frozen broker still takes of an earlier try would be said, and not read below
            producer.init_transactions()
            with reader(self._connection, self._names.of(STANDINGS)) as before:
                for record in records_to_end(before):
                    self._cohorts.remember(decode(record.value))
            with reader(self._connection, self._names.of(SCORES)) as scores:
                for record in records_to_end(scores):
                    self._cohorts.take(decode(record.value))
                self._say(producer)
                self._patience.worked()
                pulse = Pulse(scores)
                PROGRESS.assigned("standings")
                while not once and not self._patience.stopping:
                    PROGRESS.beat()
                    self._follow(pulse)
                    self._say(producer)
        except KafkaError as error:
            raise unreachable(self._connection, error) from error
        finally:
            close_producer(producer)

    def _follow(self, scores: Pulse) -> None:
        for records in scores.poll(_POLL_MS, _MOST_RECORDS).values():
            for record in records:
                self._cohorts.take(decode(record.value))

    def _say(self, producer: KafkaProducer) -> None:
        changed = self._cohorts.changed()
        if not changed:
            return
        try:
            producer.begin_transaction()
            sent = [producer.send(self._names.of(STANDINGS), key=_key(told), value=encode(told)) for told in changed]
            for delivery in sent:
                delivery.get(timeout=_FLUSH_SECONDS)
            producer.commit_transaction()
        except KafkaError as error:
            raise Unavailable("Kafka did not take what was said of a cohort.") from error
        self.said += len(changed)
        for told in changed:
            self._log.info(
                "standing_changed",
                cohort=told.cohort,
                performance_year=told.performance_year,
                size_seen=told.size_seen,
            )


def _key(standing: StandingChanged) -> bytes:
    return f"{standing.cohort}|{standing.performance_year}".encode()
