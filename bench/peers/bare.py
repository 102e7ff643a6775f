"""The ceiling: aiokafka without a framework, states in memory, changelog and outputs in whole record batches.

The variant ``per-event`` writes an output a claim, as the peers do, else one a touched clinician and batch. It takes
fetched batches as they come, has no recovery, no rebalance and no transaction.

python -m bench.peers.bare JOB
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.peers.work import Beneficiary, Clinician, Codec, Job, add, given_job, keys_of, say_ready

_BATCH_BYTES = 500_000
_FETCH_BYTES = 1 << 20
_COMMIT_SECONDS = 5.0
_packed = msgspec.msgpack.Encoder().encode

Rows = Iterable[tuple[bytes, bytes]]


class Bare:
    """The states, and what a batch does to them."""

    def __init__(self, job: Job) -> None:
        self._codec = Codec(job)
        self._per_event = job.variant == "per-event"
        self._beneficiaries: defaultdict[str, Beneficiary] = defaultdict(lambda: {"claims": {}, "cents": 0})
        self._clinicians: defaultdict[str, Clinician] = defaultdict(lambda: [0, 0])

    def fold(self, records: Sequence[Any]) -> tuple[Rows, Rows]:
        """Take the records of a partition; return the rows of the changelog and of the outputs."""
        outputs: list[tuple[bytes, bytes]] = []
        touched: tuple[set[str], set[str]] = set(), set()
        for record in records:
            claim = self._codec.claim(record.value)
            beneficiary, clinician = keys_of(claim)
            if add(claim, self._beneficiaries[beneficiary], self._clinicians[clinician]):
                touched[0].add(beneficiary)
                touched[1].add(clinician)
                if self._per_event:
                    outputs.append(self._output(clinician))
        if not self._per_event:
            outputs = [self._output(clinician) for clinician in touched[1]]
        changed = [(f"b/{key}".encode(), _packed(self._beneficiaries[key])) for key in touched[0]]
        return changed + [(f"c/{key}".encode(), _packed(self._clinicians[key])) for key in touched[1]], outputs

    def _output(self, key: str) -> tuple[bytes, bytes]:
        tin, _, npi = key.partition("|")
        return tin.encode(), self._codec.totals(tin, npi, self._clinicians[key])


async def main(job: Job) -> None:
    """Work until told to end."""
    bare = Bare(job)
    consumer = AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.bootstrap,
        group_id=job.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    producer = AIOKafkaProducer(bootstrap_servers=job.bootstrap, max_batch_size=_BATCH_BYTES)
    await consumer.start()
    await producer.start()
    seen, committed_at = 0, time.monotonic()
    while True:
        for tp, records in (await consumer.getmany(timeout_ms=200)).items():
            if not seen:
                say_ready()
            changed, outputs = bare.fold(records)
            await _send(producer, (job.changelog, tp.partition), changed)
            await _send(producer, (job.outputs, tp.partition), outputs)
            seen += len(records)
        if seen and (seen >= job.events or time.monotonic() - committed_at > _COMMIT_SECONDS):
            await producer.flush()
            await consumer.commit()
            committed_at = time.monotonic()


async def _send(producer: Any, place: tuple[str, int], rows: Rows) -> None:
    batch = producer.create_batch()
    for key, value in rows:
        if batch.append(key=key, value=value, timestamp=None) is None:
            await producer.send_batch(batch, place[0], partition=place[1])
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    if batch.record_count():
        await producer.send_batch(batch, place[0], partition=place[1])


if __name__ == "__main__":
    asyncio.run(main(given_job()))
