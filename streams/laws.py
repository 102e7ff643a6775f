"""The law by its digests: what a generation's state names, found again among the rulebooks that the cluster keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from processors.rulebook import RulebookError, unseal
from schemas.state import PartitionMark
from schemas.topics import LIVE
from streams.bulk import latest_records
from streams.law import Law
from streams.rulebook_texts import RULEBOOKS
from streams.state import MARK_KEY, STATE, PartitionState, StateRefused, load_state, mark_of

#: A transaction writes the mark of its partition last: the last mark is among the last records.
_TAIL_RECORDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a generation keeps on the cluster: its law, and the state of each partition, by its number."""

    law: Law
    states: Mapping[int, PartitionState]


def published_texts(connection: Connection) -> dict[str, str]:
    """Return the text of every rulebook that the cluster remembers, by digest.

    :raises Unavailable: the cluster does not answer, or has no such topic.
    """
    with reader(connection, topic_names(connection.settings).of(RULEBOOKS)) as consumer:
        return {r.key.decode(): r.value.decode() for r in records_to_end(consumer) if r.key and r.value}


def law_by_digests(
    digests: Mapping[str, str], texts: Mapping[str, str], generation: str = LIVE, promoted: str = ""
) -> Law:
    """Return the law of which the digests (performance year -> digest) are known.

    :raises Unavailable: a text is missing, or this release cannot read it.
    """
    found = {}
    for year, digest in digests.items():
        text = texts.get(digest)
        if text is None:
            raise Unavailable(f"The text of the rulebook {digest[:12]} of {year} is not on {RULEBOOKS}.")
        try:
            found[int(year)] = unseal(text)
        except RulebookError as error:
            raise Unavailable(f"The rulebook {digest[:12]} of {year} cannot be used: {error}") from error
    return Law(rulebooks=dict(sorted(found.items())), generation=generation, promoted=promoted)


def marks(connection: Connection, generation: str) -> dict[int, PartitionMark]:
    """Return the mark of each partition in which a generation has applied something.

    :raises Unavailable: the cluster does not answer, or the generation has no topic.
    """
    settings = connection.settings.model_copy(update={"generation": generation})
    with reader(connection, topic_names(settings).of(STATE)) as consumer:
        begins = consumer.beginning_offsets(list(consumer.assignment()))
        for tp, end in consumer.end_offsets(list(begins)).items():
            consumer.seek(tp, max(begins[tp], end - _TAIL_RECORDS))
        found = {r.partition: {MARK_KEY: r.value} for r in records_to_end(consumer) if r.key == MARK_KEY and r.value}
    return {partition: mark for partition, record in found.items() if (mark := mark_of(record)) is not None}


def kept(connection: Connection, generation: str) -> Kept:
    """Return the law and the state of a generation as of the last commit of each partition, to look at.

    It may be of another engine version, as each partition's mark says.

    :raises Unavailable: the cluster does not answer, or the generation is not there, or of a shape that this release
        cannot read, or just being given another law.
    """
    settings = connection.settings.model_copy(update={"generation": generation})
    records = latest_records(connection, topic_names(settings).of(STATE))
    return kept_in(records, generation, published_texts(connection))


def kept_in(records: Mapping[int, Mapping[bytes, bytes]], generation: str, texts: Mapping[str, str]) -> Kept:
    """Return what a generation keeps, of the records of each partition and the texts of the rulebooks by digest.

    :raises Unavailable: as :func:`kept`.
    """
    try:
        known = {p: mark_of(found) for p, found in sorted(records.items())}
        law = _law_of([mark for mark in known.values() if mark is not None], generation, texts)
        fresh = law.fresh_mark()
        states = {
            p: load_state(records[p].items(), fresh if mark is None else replace(fresh, engine=mark.engine))
            for p, mark in known.items()
        }
    except StateRefused as refused:
        raise Unavailable(str(refused)) from refused
    except msgspec.DecodeError as error:
        raise Unavailable(f"The generation {generation} keeps its state in a shape unknown to this release.") from error
    return Kept(law=law, states=states)


def _law_of(marks: Sequence[PartitionMark], generation: str, texts: Mapping[str, str]) -> Law:
    if not marks:
        raise Unavailable(f"The generation {generation} has applied nothing yet.")
    first = marks[0]
    if any(mark.rulebooks != first.rulebooks for mark in marks):
        raise Unavailable(f"The generation {generation} is just being given another law: try again in a moment.")
    return law_by_digests(first.rulebooks, texts, generation, first.promoted)
