"""Quix Streams: a claim at a time, its state in RocksDB with a changelog.

python -m bench.peers.quix JOB
"""

import threading
from typing import Any

import quixstreams

from bench.peers.work import Codec, Job, add, given_job, keys_of, say_ready

_COMMIT_SECONDS = 5.0
_PRODUCER = {"linger.ms": 20, "batch.size": 500_000}


class Fold:
    """What is done with each claim."""

    def __init__(self, job: Job, app: Any) -> None:
        self._codec = Codec(job)
        self._app = app
        self._events = job.events
        self._seen = 0

    def of_one(self, value: bytes, state: Any) -> bytes | None:
        """Return the new totals of the claim's clinician; None of a repeat."""
        if not self._seen:
            say_ready()
        self._seen += 1
        if self._seen == self._events:
            self._app.stop()  # it finishes this record, then commits
        claim = self._codec.claim(value)
        of, by = keys_of(claim)
        beneficiary = state.get(of) or {"claims": {}, "cents": 0}
        clinician = state.get(by) or [0, 0]
        if not add(claim, beneficiary, clinician):
            return None
        state.set(of, beneficiary)
        state.set(by, clinician)
        return self._codec.totals(claim["tin"], claim["lines"][0]["npi"], clinician)


def main(job: Job) -> None:
    """Work to the end, and stay until told to end."""
    app = quixstreams.Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        state_dir=job.folder,
        commit_interval=_COMMIT_SECONDS,
        producer_extra_config=_PRODUCER,
        loglevel="WARNING",
    )
    claims = app.topic(job.topic, key_deserializer="bytes", value_deserializer="bytes")
    outputs = app.topic(job.outputs, key_serializer="bytes", value_serializer="bytes")
    fold = Fold(job, app)
    totals = app.dataframe(claims).apply(fold.of_one, stateful=True)
    totals.filter(lambda value: value is not None).to_topic(outputs)
    app.run()
    threading.Event().wait()  # the observer reads processor time and memory, and ends the process


if __name__ == "__main__":
    main(given_job())
