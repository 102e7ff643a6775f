"""The topics that every run reads, filled once: claims as feeds send them, and the journal as admission writes it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bench.engines.claims import Size, Totals, World, totals_of
from bench.engines.cluster import PARTITIONS, fill
from bench.engines.deployment import Deployment
from infra.kafka.topics import JOURNAL
from processors.events import ClaimReceived, Event
from processors.rulebook import Rulebook
from schemas.codec import encode, schema_of
from schemas.partitioning import partition_of
from schemas.topics import contract
from streams.admission import batch_closed, clock_ticked, milliseconds
from streams.rows import Row

#: Records of a partition between two marks, as admission writes them when events pour in.
BATCH_RECORDS = 5_000
#: The claims for the peers: the inbound topic once more, but received now, since their topics know no other clock.
CLAIMS = "bench.claims"
#: The first of them, for an engine that would take minutes over all.
SHORT = "bench.claims.short"

Placed = tuple[int, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What lies ready: the deployments of assessment and admission, what the claims come to, a folder for states."""

    assessment: Deployment
    admission: Deployment
    folder: Path
    events: int
    short_events: int
    totals: Totals
    short_totals: Totals


class Preparing:
    """Fills the topics of two deployments with one world."""

    def __init__(self, size: Size, rulebook: Rulebook, deployments: tuple[Deployment, Deployment]) -> None:
        self._world = World(size, rulebook)
        self._assessment, self._admission = deployments
        self._bootstrap = deployments[0].bootstrap

    def roster(self) -> None:
        """Write who is listed to the journal: a clock, the roster, and a mark that ends the batch."""
        at = clock_ticked(self._world.received_at)
        self._fill(self._journal, [(partition, at) for partition in range(PARTITIONS)])
        self._fill(self._journal, journaled(self._inbound(self._world.roster())))

    def claims(self, short_events: int, folder: Path) -> Prepared:
        """Write the claims: inbound, the first of them apart, and the journal.

        ``folder``: where the peers may keep their states.
        """
        rows = list(self._inbound(self._world.claims()))
        now = [(partition, replace(row, timestamp=None)) for partition, row in rows]
        self._fill(CLAIMS, now)
        self._fill(SHORT, now[:short_events])
        self._fill(self._admission.names.of(contract().topic_of(ClaimReceived.__name__)), rows)
        self._fill(self._journal, journaled(rows))
        return Prepared(
            assessment=self._assessment,
            admission=self._admission,
            folder=folder,
            events=len(rows),
            short_events=min(short_events, len(rows)),
            totals=totals_of(self._world.claims()),
            short_totals=totals_of(islice(self._world.claims(), short_events)),
        )

    @property
    def _journal(self) -> str:
        return self._assessment.names.of(JOURNAL)

    def _fill(self, topic: str, rows: Iterable[Placed]) -> None:
        asyncio.run(fill(self._bootstrap, topic, rows))

    def _inbound(self, events: Iterable[Event]) -> Iterator[Placed]:
        at = milliseconds(self._world.received_at)
        for event in events:
            key = event.tin.digits.encode()
            yield partition_of(key, PARTITIONS), Row(key=key, value=encode(event), timestamp=at)


def journaled(rows: Iterable[Placed]) -> Iterator[Placed]:
    """Yield the journal's rows of inbound ones: headers as admission gives them, and marks between."""
    offsets: Counter[int] = Counter()
    for partition, row in rows:
        schema = schema_of(row.value or b"")
        topic = contract().topic_of(schema.record)
        headers = (
            ("received_at", str(row.timestamp).encode()),
            ("origin", f"{topic}/{partition}/{offsets[partition]}".encode()),
            ("schema_sha256", schema.sha256.encode()),
        )
        yield partition, Row(key=row.key, value=row.value, timestamp=row.timestamp, headers=headers)
        offsets[partition] += 1
        if offsets[partition] % BATCH_RECORDS == 0:
            yield partition, batch_closed()
    yield from ((partition, batch_closed()) for partition in range(PARTITIONS))
