"""Notices, inside a worker, that the cluster went away: its clients retry for ever and say so in their own words only.

A cluster that comes back is used again by the same clients, with the state still in memory. One that stays away past
the limit ends the process with code 3. Clients that began in the very moment in which it went away can wait for ever,
in a group of which they are no member: a stage that joins nothing while the cluster answers ends the process with 75.
"""

import os
import threading
from collections.abc import Callable, Sequence

from infra.kafka.connection import Connection
from infra.kafka.reading import reader, require_answer
from infra.kafka.topics import JOURNAL, topic_names
from infra.log import Log
from infra.progress import PROGRESS
from streams.ownership import RESTART
from streams.waiting import GivenUp, Patience

UNAVAILABLE = 3
_LOOK_SECONDS = 5.0
#: Joining takes a session and a rebalance at most, some twenty seconds: four looks.
_LOOKS_TO_JOIN = 12


class ClusterWatch:
    """Asks, in a thread of its own, the leader of every partition of the journal how far it is."""

    def __init__(self, connection: Connection, end_process: Callable[[int], None] = os._exit) -> None:
        self._connection = connection
        self._end_process = end_process
        self._patience = Patience(connection.settings.unavailable_limit_seconds)
        self._looks = 0

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
                self.note(PROGRESS.not_joined())
                self._patience.rest(_LOOK_SECONDS)

    def note(self, not_joined: Sequence[str]) -> None:
        """Take note of the stages that have joined no group at a look at which the cluster answers; end a deaf one."""
        self._looks = self._looks + 1 if not_joined else 0
        if self._looks >= _LOOKS_TO_JOIN:
            Log().critical("stage_not_joined", stages=list(not_joined), exit_code=RESTART)
            self._end_process(RESTART)
