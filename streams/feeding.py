"""Feeds of this program's own: events onto the inbound topics, or into a file, after admission's own check."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from kafka.errors import KafkaError

from infra.errors import Unavailable
from infra.kafka.connection import Connection
from infra.kafka.topics import journal_partitions, topic_names
from infra.kafka.writing import open_producer
from processors.events import Event
from schemas.cloudevents import render_event
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.topics import contract
from streams.admission import Rules, admit, inbound_of, milliseconds

_FLUSH_SECONDS = 60


class Feed(Protocol):
    """Where events go."""

    def send(self, event: Event, time: datetime) -> None:
        """Send an event as received at an instant (on the wall's clock the broker says when)."""

    def close(self) -> None:
        """Return when all that was sent has arrived.

        :raises Unavailable: something has not.
        """

    def abandon(self) -> None:
        """End after an error: what was sent may have arrived, and a file is not left half written."""


def check(event: Event, rules: Rules) -> None:
    """Ask admission beforehand, so that nothing leaves the process that would be refused, an identifier least of all.

    :raises InvalidRecord: it would be refused.
    """
    admit(inbound_of(event, rules), rules)


class NoFeed:
    """Sends nothing: a dry run."""

    def abandon(self) -> None:
        """Do nothing."""

    def send(self, event: Event, time: datetime) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class FileFeed:
    """Writes the JSON form, one event a line; the file is there when all is written, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._stream: BinaryIO = self._part.open("wb")
        self._part.chmod(0o600)  # TINs in clear

    def send(self, event: Event, time: datetime) -> None:
        """Write an event."""
        self._stream.write(render_event(event, time) + b"\n")

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Put the file in its place."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._part.rename(self._path)


class KafkaFeed:
    """Produces onto the inbound topics, idempotently, every delivery awaited in :meth:`close`."""

    def __init__(self, connection: Connection) -> None:
        self.partitions = journal_partitions(connection)
        self._names = topic_names(connection.settings)
        self._failed: list[BaseException] = []
        self._producer = open_producer(connection, enable_idempotence=True, linger_ms=20, compression_type="gzip")

    def send(self, event: Event, time: datetime) -> None:
        """Produce an event, keyed by its TIN."""
        key = event.tin.digits.encode()
        try:
            future = self._producer.send(
                self._names.of(contract().topic_of(type(event).__name__)),
                key=key,
                value=encode(event),
                partition=partition_of(key, self.partitions),
                timestamp_ms=milliseconds(time),
                headers=[("ce_time", time.astimezone(UTC).isoformat().encode())],
            )
        except KafkaError as error:
            raise Unavailable(f"The cluster does not take the events ({error}).") from error
        future.add_errback(self._failed.append)

    def flush(self) -> None:
        """Return when all that was sent has arrived.

        :raises Unavailable: something has not.
        """
        try:
            self._producer.flush(_FLUSH_SECONDS)
        except KafkaError as error:
            self._failed.append(error)
        if self._failed:
            raise Unavailable(
                f"Not everything arrived ({self._failed[0]}). Send the same files again: what has arrived is a repeat."
            )

    def abandon(self) -> None:
        """Close the producer."""
        self._producer.close(5)

    def close(self) -> None:
        """Await every delivery, and close the producer."""
        try:
            self.flush()
        finally:
            self._producer.close(5)


@contextmanager
def feed(make: Callable[[], Connection], out: Path | None, *, dry_run: bool) -> Iterator[Feed]:
    """Yield where events are to go: nowhere, into a file, or to the cluster; at the end all has arrived."""
    opened: Feed = NoFeed() if dry_run else KafkaFeed(make()) if out is None else FileFeed(out)
    try:
        yield opened
    except BaseException:
        opened.abandon()
        raise
    opened.close()
