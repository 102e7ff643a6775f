"""Logging: structured events, each name in one catalogue; never an identifier of a person among the fields."""

import logging
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

import structlog

from infra.settings import Settings

_OWN = "asm"
_MOST_REMEMBERED = 1000
LogEvent = Literal[
    # worker and supervisor
    "worker_started",  # apps, generation, clock, vintage
    "worker_stopped",  # a planned stop has ended
    "worker_restarting",  # the supervisor starts the process again after a while
    "worker_given_up",  # the process failed too often in too short a time
    # a machine that does not answer
    "unavailable_waiting",  # what does not answer, for how long already, and when it is tried again
    "unavailable_over",  # all answers again
    "unavailable_given_up",  # past ASM_UNAVAILABLE_LIMIT_SECONDS: the process ends with code 3
    "http_listening",  # on which port the process tells of itself
    # partitions
    "partition_taken_over",  # fenced, state read, position known
    "partition_let_go",  # what was begun is finished
    "partition_failed",  # an error inside the order of effects: the process ends
    "transaction_waiting",  # a partition's transaction waits for the cluster, for so many seconds now: a lost leader?
    "transaction_resumed",  # it went through, after so many seconds
    "log_lost",  # what is to be read next is not in the log: a person must decide, see docs/operations/log-lost.md
    # generations
    "handover_waiting",  # the live generation waits for the facts of the promoted one, at which offset, how far it is
    "law_promoted",  # a partition goes on under another law: which recalculation, movers, seconds
    "law_switched",  # the SQL view shows the answers of another law from now on: which recalculation, how many outputs
    "switch_waiting",  # outputs are held back until every partition is under the promoted law: is a worker down?
    "law_switched_in_parts",  # they were waited for too long: the SQL view shows answers of two laws for a while
    "generation_ended",  # a partition of a run beside the live one is at its end
    # admission
    "records_refused",  # how many of a batch, by reason
    "refusals_above_limit",  # more than half of a topic's last records are refused: look at the feed
    "refusals_below_limit",  # that is over
    # progress
    "batch_done",  # one batch: records, outputs, seconds, offsets, lag (debug)
    "batches_done",  # the same of all batches since the last such line of the partition, at most every ten seconds
    "partition_stalled",  # something waits and nothing moves: last offset, lag, seconds since progress
    "partition_moving",  # it goes again
    # clock
    "clock_ticked",  # a mark was written (debug)
    "watermark_stalled",  # a partition's clock stands still: see docs/operations/watermark.md
    "watermark_moving",  # it goes again
    # feeds
    "feed_silent",  # nothing came for longer than feeds.toml allows: see docs/operations/feeds.md
    "feed_heard",  # it sends again
    # projection
    "projection_started",
    "projection_caught_up",
    "standing_changed",  # cohort, year, how many are seen
    "projection_waiting",  # the database does not answer, or takes nothing: waiting
    # alerts
    "delivery_started",  # through which channel
    "notice_told",  # the receiver has a digest: stage, firing or resolved, of how many alerts
    "receiver_away",  # it does not answer or not with success: tried again after a while, nothing is lost
    "receiver_back",  # it answers again
    # console
    "console_started",  # host, port
]


class Log:
    """A logger whose events stand in the catalogue."""

    def __init__(self, **fields: Any) -> None:
        self._logger = structlog.get_logger(_OWN).bind(**fields)

    def debug(self, event: LogEvent, **fields: Any) -> None:
        """Log what only helps to find a fault."""
        self._logger.debug(event, **fields)

    def info(self, event: LogEvent, **fields: Any) -> None:
        """Log what an operator may want to know."""
        self._logger.info(event, **fields)

    def warning(self, event: LogEvent, **fields: Any) -> None:
        """Log what an operator should look at."""
        self._logger.warning(event, **fields)

    def critical(self, event: LogEvent, **fields: Any) -> None:
        """Log why the process ends."""
        self._logger.critical(event, **fields)


class Seldom(logging.Filter):
    """Lets a library say the same of the same thing once in a while; the next time it tells how often it was said.

    A client that looks for a lost broker says so hundreds of times a second.
    """

    def __init__(self, seconds: float = 60.0, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._seconds, self._now = seconds, now
        self._said: dict[tuple[str, ...], tuple[float | None, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is to be written; this program's own always are."""
        if record.name == _OWN or record.name.startswith(f"{_OWN}."):
            return True
        about = record.args[:1] if isinstance(record.args, tuple) else ()
        key = (record.name, record.levelname, str(record.msg), *(str(argument) for argument in about))
        now, (since, left_out) = self._now(), self._said.get(key, (None, 0))
        if since is not None and now - since < self._seconds:
            self._said[key] = (since, left_out + 1)
            return False
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[key] = (now, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} times since it was last told)"
        return True


def configure_logging(settings: Settings) -> None:
    """Set up logging on standard error: JSON where no person reads it, else a console format."""
    json = settings.log_format == "json" or (settings.log_format is None and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Seldom())
    level = settings.log_level.upper()
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger(_OWN).setLevel(level)
    for quiet in ("aiokafka", "kafka", "faust", "mode"):
        logging.getLogger(quiet).setLevel("ERROR" if settings.log_level != "debug" else "INFO")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
