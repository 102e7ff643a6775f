"""Logging: structured events, each name in one catalogue; never an identifier of a person among the fields."""

import logging
import sys
from typing import Any, Literal

import structlog

from infra.settings import Settings

LogEvent = Literal[
    # worker and supervisor
    "worker_started",  # apps, generation, clock, vintage
    "worker_stopped",  # a planned stop has ended
    "worker_restarting",  # the supervisor starts the process again after a while
    "worker_given_up",  # the process failed too often in too short a time
    # partitions
    "partition_taken_over",  # fenced, state read, position known
    "partition_let_go",  # what was begun is finished
    "partition_failed",  # an error inside the order of effects: the process ends
    # admission
    "records_refused",  # how many of a batch, by reason
    "refusals_above_limit",  # more than half of a topic's last records are refused: look at the feed
    "refusals_below_limit",  # that is over
    # clock
    "clock_ticked",  # a mark was written (debug)
    "watermark_stalled",  # a partition's clock stands still: see docs/operations/watermark.md
    "watermark_moving",  # it goes again
    # projection
    "projection_started",
    "projection_caught_up",
    "standing_changed",  # cohort, year, how many are seen
    "projection_waiting",  # the database or the broker does not answer: waiting
    # console
    "console_started",  # host, port
]


class Log:
    """A logger whose events stand in the catalogue."""

    def __init__(self, **fields: Any) -> None:
        self._logger = structlog.get_logger("asm").bind(**fields)

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
    level = settings.log_level.upper()
    logging.basicConfig(handlers=[handler], level="WARNING", force=True)
    logging.getLogger("asm").setLevel(level)
    for quiet in ("aiokafka", "kafka", "faust", "mode"):
        logging.getLogger(quiet).setLevel("ERROR" if settings.log_level != "debug" else "INFO")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
