"""Giving the live generation another law, and going back: one transaction begins it, the journal carries it out.

``RecalculationStarted`` and a ``LawPromoted`` for every partition are written together. Each partition of the live
generation answers with ``PartitionRecalculated`` in the transaction of what it says; when all have, whoever waits
writes ``RecalculationCompleted``. A command that dies on the way is run again, and waits for the same recalculation.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection, unreachable
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import journal_partitions, topic_names
from infra.kafka.writing import close_producer, open_producer
from processors.engine import ENGINE
from processors.events import LawPromoted
from schemas.codec import decode, encode
from schemas.recalculations import Announce, GenerationState, RecalculationCompleted, RecalculationStarted
from schemas.state import PartitionMark
from schemas.topics import LIVE
from streams.admission import PROMOTIONS
from streams.dead_letters import OPERATIONS
from streams.generations import Order, ReplayRefused, operations, recorded_generation, standing
from streams.law import Law
from streams.laws import law_by_digests, marks, published_texts
from streams.recalculations import Recalculation, recalculations

_DELIVERY_SECONDS = 30
_LOOK_SECONDS = 0.3


class Desk:
    """Where one operator at a time gives the live generation a law."""

    def __init__(self, connection: Connection, producer: KafkaProducer) -> None:
        self._connection = connection
        self._producer = producer
        self._recorded = operations(connection)
        self._done = recalculations(self._recorded)

    def promote(self, name: str, announce: Announce, order: Order) -> Recalculation:
        """Begin to give the law of a generation; return the recalculation, or the same that is under way.

        :raises ReplayRefused: the generation is not there, not caught up, of an earlier instant, or its law is in
            force.
        :raises Unavailable: the cluster does not answer.
        """
        going = self._under_way()
        if going is not None:
            if going.started.rollback or going.started.generation != name:
                raise _busy(going)
            return going
        recorded = recorded_generation(self._recorded, name)
        if recorded.until is not None:
            raise ReplayRefused(f"{name} ends at {recorded.until.isoformat()}: it says what was, not what is.")
        if recorded.engine != ENGINE:
            raise ReplayRefused(f"{name} is of engine version {recorded.engine}, this is version {ENGINE}.")
        if recorded.state is not GenerationState.CAUGHT_UP:
            raise ReplayRefused(f"{name} has not caught up: run `asm replay start {name}` first.")
        live, texts = self._live(), published_texts(self._connection)
        if live.engine == ENGINE and dict(live.rulebooks) == dict(recorded.rulebooks):
            raise ReplayRefused(f"The live generation is under the rulebooks of {name} already.")
        law = law_by_digests(recorded.rulebooks, texts, LIVE, name)
        same_fold = live.engine == ENGINE and law.fold == law_by_digests(live.rulebooks, texts).fold
        if not same_fold and not standing(self._connection, recorded).workers:
            raise ReplayRefused(
                f"The live generation needs the facts of {name} at the place of the switch: keep `asm replay start "
                f"{name} --follow` running meanwhile."
            )
        return self._begin(live, law, announce, order)

    def roll_back(self, announce: Announce, order: Order) -> Recalculation:
        """Begin to give the law back that was in force before the last recalculation.

        :raises ReplayRefused: nothing was promoted, or the facts of that law are not at hand.
        :raises Unavailable: the cluster does not answer.
        """
        going = self._under_way()
        if going is not None:
            if not going.started.rollback:
                raise _busy(going)
            return going
        if not self._done:
            raise ReplayRefused("Nothing was promoted: there is nothing to go back to.")
        live, last, texts = self._live(), self._done[-1].started, published_texts(self._connection)
        law = law_by_digests(last.before, texts, LIVE, last.promoted_before)
        if live.engine != ENGINE:
            raise ReplayRefused(f"The live generation is of engine version {live.engine}, this is version {ENGINE}.")
        if law.fold != law_by_digests(live.rulebooks, texts).fold:
            raise ReplayRefused(
                "Under the earlier rulebooks other lines of claims are kept: start a generation under them "
                "(`asm replay start NAME --rulebook DIR`) and promote it."
            )
        return self._begin(live, law, announce, order, rollback=True)

    def complete(self, recalculation: str) -> None:
        """Record that a recalculation is done everywhere, unless that is recorded."""
        going = self._under_way()
        if going is not None and going.started.recalculation == recalculation:
            completed = RecalculationCompleted(
                recalculation=recalculation,
                generation=going.started.generation,
                actor=going.started.actor,
                reason=going.started.reason,
                **going.counts(),
                instant=datetime.now(UTC),
            )
            self._commit({OPERATIONS: [(0, encode(completed))]})

    def _begin(
        self, live: PartitionMark, law: Law, announce: Announce, order: Order, *, rollback: bool = False
    ) -> Recalculation:
        instant, count = datetime.now(UTC), journal_partitions(self._connection)
        started = RecalculationStarted(
            recalculation=f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}/{'back' if rollback else law.promoted}",
            generation=law.promoted,
            rollback=rollback,
            announce=announce,
            before=live.rulebooks,
            promoted_before=live.promoted,
            after=law.digests,
            partitions=count,
            actor=order.actor,
            reason=order.reason,
            instant=instant,
        )
        promotion = LawPromoted(
            recalculation=started.recalculation,
            generation=law.promoted,
            engine=ENGINE,
            fold=law.fold,
            rulebooks=law.digests,
        )
        self._commit({OPERATIONS: [(0, encode(started))], PROMOTIONS: [(p, encode(promotion)) for p in range(count)]})
        return Recalculation(started=started)

    def _commit(self, records: Mapping[str, Iterable[tuple[int, bytes]]]) -> None:
        names = topic_names(self._connection.settings)
        self._producer.begin_transaction()
        sent = [
            self._producer.send(names.of(topic), value=value, partition=partition)
            for topic, found in records.items()
            for partition, value in found
        ]
        for delivery in sent:
            delivery.get(timeout=_DELIVERY_SECONDS)
        self._producer.commit_transaction()

    def _under_way(self) -> Recalculation | None:
        return next((r for r in self._done if r.completed is None), None)

    def _live(self) -> PartitionMark:
        """Return the law that the live generation is under, in every partition.

        :raises ReplayRefused: nothing was assessed yet.
        :raises Unavailable: its partitions are under several, or the cluster does not answer.
        """
        found = list(marks(self._connection, LIVE).values())
        if not found:
            raise ReplayRefused("The live generation has assessed nothing yet: there is nothing to recalculate.")
        if any(mark.rulebooks != found[0].rulebooks for mark in found):
            raise Unavailable("The partitions of the live generation are under several laws: let its workers catch up.")
        return found[0]


@contextmanager
def desk(connection: Connection) -> Iterator[Desk]:
    """Yield the desk, fenced against whoever worked there before.

    :raises Unavailable: the cluster does not answer, or has not the topics.
    """
    producer = open_producer(connection, transactional_id=f"{connection.settings.namespace}asm-recalculation")
    try:
        producer.init_transactions()
        yield Desk(connection, producer)
    except KafkaError as error:
        raise unreachable(connection, error) from error
    finally:
        close_producer(producer)


def await_everywhere(
    connection: Connection, recalculation: str, progress: Callable[[Recalculation], None]
) -> Recalculation:
    """Wait until every partition is under the law, have that recorded, and return the recalculation.

    :raises Unavailable: the cluster does not answer.
    """
    told: list[object] = []
    with reader(connection, topic_names(connection.settings).of(OPERATIONS)) as consumer:
        while True:
            told += [decode(record.value) for record in records_to_end(consumer)]
            found = next(r for r in recalculations(told) if r.started.recalculation == recalculation)
            progress(found)
            if found.completed is not None:
                return found
            if found.everywhere:
                with desk(connection) as opened:
                    opened.complete(recalculation)
            else:
                time.sleep(_LOOK_SECONDS)


def _busy(going: Recalculation) -> ReplayRefused:
    return ReplayRefused(f"The recalculation {going.started.recalculation} is under way: wait for it.")
