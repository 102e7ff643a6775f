"""Faust as its tutorial has it: an agent that takes one event at a time, and tables with changelogs.

python -m bench.peers.faust_table JOB
"""

import asyncio
from typing import Any

import faust
from yarl import URL

from bench.peers.work import Codec, Job, add, given_job, keys_of, say_ready

PARTITIONS = 4
_COMMIT_AGAIN_SECONDS = 0.05


def app_of(job: Job) -> faust.App:
    """Return the app with its two tables and its agent."""
    app = faust.App(
        job.group,
        broker=[URL(f"kafka://{job.bootstrap}")],
        datadir=job.folder,
        store="memory://",
        topic_partitions=PARTITIONS,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        web_enabled=False,
    )
    codec = Codec(job)
    raw: dict[str, Any] = {"key_serializer": "raw", "value_serializer": "raw"}
    outputs: Any = app.topic(job.outputs, partitions=PARTITIONS, **raw)
    beneficiaries: Any = app.Table("beneficiaries", partitions=PARTITIONS)
    clinicians: Any = app.Table("clinicians", partitions=PARTITIONS)
    seen = 0

    async def commit_the_last() -> None:
        while True:  # an event counts as done only after the agent has gone on
            await app.producer.flush()
            await app.consumer.commit()
            await asyncio.sleep(_COMMIT_AGAIN_SECONDS)

    async def fold(stream: Any) -> None:
        nonlocal seen
        async for event in stream.events():
            if not seen:
                say_ready()
            claim = codec.claim(event.value)
            of, by = keys_of(claim)
            beneficiary = beneficiaries.get(of) or {"claims": {}, "cents": 0}
            clinician = clinicians.get(by) or [0, 0]
            if add(claim, beneficiary, clinician):
                beneficiaries[of], clinicians[by] = beneficiary, clinician
                value = codec.totals(claim["tin"], claim["lines"][0]["npi"], clinician)
                await outputs.send(key=event.message.key, value=value, partition=event.message.partition)
            seen += 1
            if seen == job.events:
                app.add_future(commit_the_last())

    app.agent(app.topic(job.topic, **raw))(fold)
    return app


if __name__ == "__main__":
    faust.Worker(app_of(given_job()), loglevel="warning").execute_from_commandline()
