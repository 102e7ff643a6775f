"""Waiting for a machine that does not answer: with back-off, said in the log each time, up to a limit.

One a process, whatever it waits for. Past the limit the process ends with code 3, and whoever supervises it decides;
what was done is in Kafka, so a start at any later time goes on where it ended.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import Unavailable
from infra.log import Log

#: The exit code of a process that waited in vain.
UNAVAILABLE = 3
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
_SLICE_SECONDS = 0.2


class GivenUp(Unavailable):
    """It was waited for long enough; the text says for what."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long it is waited for so far, and how long to pause before the next attempt, in seconds."""

    waited: float
    pause: float


class Patience:
    """How long a process waits for what does not answer, all attempts in a row taken together.

    :param limit_seconds: after so long in which nothing worked it gives up.
    """

    def __init__(self, limit_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit_seconds
        self._now = now
        self._log = Log()
        self._since: float | None = None
        self._attempts = 0
        self.stopping = False

    def missed(self, reason: str) -> Wait:
        """Take note of an attempt that failed.

        :raises GivenUp: the limit is past.
        """
        now = self._now()
        self._since = now if self._since is None else self._since
        waited = now - self._since
        if waited >= self._limit:
            self._log.critical("unavailable_given_up", detail=reason, waited_seconds=round(waited))
            raise GivenUp(
                f"{reason} It was waited for {waited:.0f} s, ASM_UNAVAILABLE_LIMIT_SECONDS is {self._limit:g}."
            )
        pause = min(_BACKOFF_SECONDS[min(self._attempts, len(_BACKOFF_SECONDS) - 1)], self._limit - waited)
        self._attempts += 1
        return Wait(waited, pause)

    def failed(self, reason: str) -> Wait:
        """Take note of an attempt that failed, and say so.

        :raises GivenUp: the limit is past.
        """
        wait = self.missed(reason)
        self._log.warning(
            "unavailable_waiting", detail=reason, waited_seconds=round(wait.waited, 1), seconds=round(wait.pause, 1)
        )
        return wait

    def worked(self) -> None:
        """Take note that all answers: the next failure is the first."""
        if self._since is not None:
            self._log.info("unavailable_over", waited_seconds=round(self._now() - self._since, 1))
        self._since, self._attempts = None, 0

    def rest(self, seconds: float) -> None:
        """Sleep, but no longer than until the process is told to stop."""
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_SECONDS))

    def keep_trying(self, work: Callable[[], None]) -> None:
        """Do a work again, as long as it finds something unavailable, until it ends or the process is told to stop.

        :raises GivenUp: nothing worked up to the limit.
        """
        while not self.stopping:
            try:
                work()
            except GivenUp:
                raise
            except Unavailable as error:
                self.rest(self.failed(str(error)).pause)
            else:
                return
