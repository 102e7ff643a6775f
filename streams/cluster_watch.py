"""Notices, inside a worker, that the cluster went away: its clients retry for ever and say so in their own words only.

A cluster that comes back is used again by the same clients, with the state still in memory. One that stays away past
the limit ends the process with code 3.
"""

import os
import threading
from collections.abc import Callable

from infra.kafka.connection import Connection
from infra.kafka.reading import reader, require_answer
from infra.kafka.topics import JOURNAL, topic_names
from streams.waiting import UNAVAILABLE, GivenUp, Patience

_LOOK_SECONDS = 5.0


class ClusterWatch:
    """Asks, in a thread of its own, the leader of every partition of the journal how far it is."""

    def __init__(self, connection: Connection, end_process: Callable[[int], None] = os._exit) -> None:
        self._connection = connection
        self._end_process = end_process
        self._patience = Patience(connection.settings.unavailable_limit_seconds)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self.run, daemon=True, name="cluster-watch").start()

    def stop(self) -> None:
        """Look no more: the process is about to end by itself."""
        self._patience.stopping = True

    def run(self) -> None:
        """Look until stopped; end the process when it is given up."""
        try:
            self._patience.keep_trying(self._look_on)
        except GivenUp:
            self._end_process(UNAVAILABLE)

    def _look_on(self) -> None:
        journal = topic_names(self._connection.settings).of(JOURNAL)
        with reader(self._connection, journal) as consumer:
            while not self._patience.stopping:
                require_answer(consumer)
                self._patience.worked()
                self._patience.rest(_LOOK_SECONDS)
