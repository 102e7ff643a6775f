"""Composition root: settings -> the two Faust apps of a worker, and the worker itself."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Literal

import faust
from aiokafka import AIOKafkaConsumer
from faust.types import TP
from yarl import URL

from infra.http_port import telling
from infra.kafka.connection import Connection
from infra.kafka.groups import leave_group
from infra.kafka.topics import JOURNAL, require_topics, topic_names
from infra.log import Log
from infra.progress import PROGRESS
from infra.rulebooks import load_rulebooks
from schemas.recalculations import GenerationWay
from schemas.topics import LIVE
from streams.admission import Rules
from streams.admitting import AdmissionTools, Admitting, admitted_topics
from streams.assessing import Assessing, AssessmentTools, publish_rulebooks
from streams.batching import BatchApp
from streams.clients import AIOKAFKA
from streams.clock import CLOCK_TOPIC, Clock, SimulatedClock, WallClock
from streams.cluster_watch import ClusterWatch
from streams.generations import generations, is_there, operations
from streams.groups import admission_group, assessment_group
from streams.law import Law
from streams.laws import law_by_digests, published_texts
from streams.owners import Owner
from streams.ownership import RESTART
from streams.progress_watch import ProgressWatch, Sight
from streams.refusals import RefusalGauge
from streams.rulebook_texts import RULEBOOKS
from streams.runs import Pace, Run
from streams.transaction import LIMIT_SECONDS, FencedProducer

Stage = Literal["admission", "assessment"]
_HEARTBEAT_SECONDS = 2.0
#: A member that is alive and in the midst of a long batch is waited for so long; one that is gone, its session.
_REBALANCE_SECONDS = 60.0
#: A group leader that does not know a topic's partitions just now (a broker came back) assigns none, to nobody, and
#: sees what it missed when its metadata are renewed: by default after five minutes.
_METADATA_SECONDS = 5.0


class StageApp(BatchApp):
    """A stage of the worker, whose progress is watched; ``broker`` has no group and tells ends, read uncommitted."""

    broker: AIOKafkaConsumer

    def __init__(self, app_id: str, topics: Sequence[str], connection: Connection) -> None:
        settings = connection.settings
        self._connection = connection
        self._names = topic_names(settings)
        self._read = {self._names.of(name): name for name in topics}
        self._opened = AsyncExitStack()
        PROGRESS.expect(self.stage)
        super().__init__(app_id, list(self._read), **_options(connection, self.stage))

    async def on_first_start(self) -> None:
        """Open the client that tells ends, and begin to watch."""
        self.broker = AIOKafkaConsumer(**self._connection.aiokafka())
        await self.broker.start()
        self._opened.push_async_callback(self.broker.stop)
        sight = Sight(
            partitions=lambda: list(self.owners),
            settled_below=lambda tp: self.settled_below(TP(*tp)),
            ends=self.broker.end_offsets,
            tell=self._tell,
        )
        limit = self._connection.settings.stall_limit_seconds
        watching = self.add_future(ProgressWatch(self.stage, self._read, sight, limit).run())
        self._opened.callback(watching.cancel)
        await super().on_first_start()

    async def on_stop(self) -> None:
        """Finish what is begun, give all partitions up, close what was opened."""
        await super().on_stop()
        await self.give_up()
        await self._opened.aclose()

    def _tell(self) -> None:
        for owner in self.owners.values():
            owner.tell()


class AdmissionApp(StageApp):
    """Inbound topics -> journal."""

    stage = "admission"
    _tools: AdmissionTools

    def __init__(self, connection: Connection, partitions: int) -> None:
        settings = connection.settings
        self._rules = Rules(partitions=partitions, accept_test_identifiers=settings.test_identifiers == "accept")
        super().__init__(admission_group(settings), admitted_topics(), connection)

    async def on_first_start(self) -> None:
        """Open the clients that all partitions share."""
        await super().on_first_start()
        clock = self._clock()
        await clock.start()
        self._opened.push_async_callback(clock.stop)
        self._tools = AdmissionTools(
            names=self._names, rules=self._rules, clock=clock, gauge=RefusalGauge(), broker=self.broker
        )

    def new_owner(self, partition: int) -> Owner:
        """Return what admits a partition."""
        producer = FencedProducer(f"{self.conf.id}-{partition}", self._connection)
        return Admitting(self, partition, producer, self._tools)

    def _clock(self) -> Clock:
        if self._connection.settings.clock == "events":
            return SimulatedClock(self._names.of(CLOCK_TOPIC), self._connection)
        return WallClock(self._connection.settings.clock_margin_seconds)


class AssessmentApp(StageApp):
    """Journal -> outputs and state."""

    stage = "assessment"

    def __init__(self, connection: Connection, per_second: float | None = None) -> None:
        settings = connection.settings
        law, run = _law_and_run(connection, Pace(per_second))
        self._tools = AssessmentTools(names=topic_names(settings), law=law, connection=connection, run=run)
        super().__init__(assessment_group(settings), [JOURNAL], connection)

    async def on_first_start(self) -> None:
        """Publish the rulebooks that outputs will name."""
        producer = AIOKAFKA.producer(**self._connection.aiokafka(), enable_idempotence=True)
        async with asyncio.timeout(LIMIT_SECONDS):  # a broker that goes away just now may never answer
            await producer.start()
            try:
                await publish_rulebooks(self._tools.law, self._tools.names.of(RULEBOOKS), producer)
            finally:
                await producer.stop()
        await super().on_first_start()

    def new_owner(self, partition: int) -> Owner:
        """Return what assesses a partition."""
        producer = FencedProducer(f"{self.conf.id}-{partition}", self._connection)
        return Assessing(self, partition, producer, self._tools)


def run_worker(connection: Connection, stages: tuple[Stage, ...], per_second: float | None = None) -> int:
    """Run the apps of a worker in this process until it is told to stop; return its exit code.

    ``per_second``: most records of the journal that assessment works on in a second.

    :raises Unavailable: the topics are not on the cluster, or the cluster does not answer.
    """
    log, settings = Log(), connection.settings
    partitions = require_topics(connection)
    apps: list[BatchApp] = []
    if "admission" in stages:
        apps.append(AdmissionApp(connection, partitions))
    if "assessment" in stages:
        apps.append(AssessmentApp(connection, per_second))
    log.info(
        "worker_started",
        stages=list(stages),
        generation=settings.generation,
        clock=settings.clock,
        vintage=settings.vintage,
        partitions=partitions,
    )
    worker: Any = faust.Worker(
        apps[0], *apps[1:], quiet=True, redirect_stdouts=False, override_logging=False, stdout=sys.stderr
    )
    worker.spinner = None  # it draws on the terminal
    watch = ClusterWatch(connection)
    watch.start()
    try:
        with telling(settings, "worker"):
            worker.execute_from_commandline()
    except SystemExit as ended:
        code = RESTART if ended.code else 0
    watch.stop()
    for app in apps:
        if settings.instance is not None and code == 0:  # a static member is missed only after its session
            leave_group(connection, app.conf.id, app.conf.consumer_group_instance_id)
    log.info("worker_stopped", exit_code=code)
    return code


def _law_and_run(connection: Connection, pace: Pace) -> tuple[Law, Run]:
    """Return the law of the generation, and how it runs: as it was started, or as the deployment says.

    :raises Unavailable: the cluster does not answer, or does not know the generation's rulebooks.
    """
    settings = connection.settings
    recorded = None
    if settings.generation != LIVE:
        recorded = generations(operations(connection)).get(settings.generation)
    if recorded is None or not is_there(recorded):
        rulebooks = load_rulebooks(settings.vintage, settings.areas_file)
        return Law(rulebooks=rulebooks, generation=settings.generation), Run(pace=pace)
    law = law_by_digests(recorded.rulebooks, published_texts(connection), settings.generation)
    return law, Run(seeded=recorded.way is GenerationWay.QUICK, until=recorded.until, pace=pace)


def _options(connection: Connection, stage: str) -> dict[str, Any]:
    """Return the Faust settings that matter (``docs/decisions/0005-faust-settings.md``)."""
    settings = connection.settings
    options: dict[str, Any] = {
        "broker": [URL(f"kafka://{address}") for address in connection.bootstrap.split(",")],
        "datadir": f"{tempfile.gettempdir()}/asm-streams-{settings.namespace}{stage}",
        "consumer_max_fetch_size": settings.fetch_bytes,
        "broker_session_timeout": settings.session_timeout_seconds,
        "broker_heartbeat_interval": _HEARTBEAT_SECONDS,
        "broker_rebalance_timeout": _REBALANCE_SECONDS,
        "consumer_metadata_max_age_ms": int(_METADATA_SECONDS * 1000),
    }
    if settings.instance is not None:
        options["consumer_group_instance_id"] = f"{stage}-{settings.instance}"
    if "SASL" in settings.kafka_security_protocol:
        options["broker_credentials"] = faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=connection.ssl_context(),
        )
    elif connection.ssl_context() is not None:
        options["broker_credentials"] = faust.SSLCredentials(connection.ssl_context())
    return options
