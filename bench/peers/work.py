"""The common work of the peers, in Python: decode a claim, skip a repeat, add it to two states, tell the new totals.

Needs the standard library and fastavro alone, since a peer may run in an environment of its own.
"""

import json
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

#: What the observer waits for: said once, at the first record.
READY = "first record"
_HEADER_BYTES = 5
_FRAME = b"\x00\x00\x00\x03\xe7"

#: Claims of a beneficiary: the version of each, and the cents allowed for all.
Beneficiary = dict[str, Any]
#: What a clinician's claims come to: how many, and cents.
Clinician = list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a peer is to do; ``schema`` is the file of the claim's schema, ``folder`` one of its own."""

    bootstrap: str
    topic: str
    group: str
    outputs: str
    changelog: str
    events: int
    folder: str
    schema: str
    variant: str = ""


def given_job() -> Job:
    """Return the job of the command line."""
    return Job(**json.loads(sys.argv[1]))


def say_ready() -> None:
    """Tell the observer that the first record has come."""
    print(READY, file=sys.stderr, flush=True)  # noqa: T201


class Codec:
    """Framed Avro of claims and of totals; dates stay numbers of days, as the peers have no use for more."""

    def __init__(self, job: Job) -> None:
        text = json.loads(Path(job.schema).read_text())
        self._claim: Any = fastavro.parse_schema(without_logical_types(text))
        self._totals: Any = fastavro.parse_schema(json.loads(Path(__file__).with_name("totals.avsc").read_text()))

    def claim(self, value: bytes) -> dict[str, Any]:
        """Return the claim that framed bytes hold."""
        buffer = BytesIO(value)
        buffer.seek(_HEADER_BYTES)
        claim: Any = fastavro.schemaless_reader(buffer, self._claim, None)
        return dict(claim)

    def totals(self, tin: str, npi: str, clinician: Clinician) -> bytes:
        """Return the framed bytes of a clinician's totals."""
        buffer = BytesIO()
        buffer.write(_FRAME)
        row = {"tin": tin, "npi": npi, "claims": clinician[0], "allowed_cents": clinician[1]}
        fastavro.schemaless_writer(buffer, self._totals, row)
        return buffer.getvalue()

    def read_totals(self, value: bytes) -> tuple[tuple[str, str], tuple[int, int]]:
        """Return whose totals framed bytes hold, and what they are."""
        buffer = BytesIO(value)
        buffer.seek(_HEADER_BYTES)
        row: Any = fastavro.schemaless_reader(buffer, self._totals, None)
        return (row["tin"], row["npi"]), (row["claims"], row["allowed_cents"])


def add(claim: dict[str, Any], beneficiary: Beneficiary, clinician: Clinician) -> bool:
    """Add a claim to the states of its beneficiary and its clinician; say whether it was not known."""
    identity = f"{claim['source']}|{claim['claim_id']}"
    if beneficiary["claims"].get(identity, -1) >= claim["version"]:
        return False
    cents = sum(line["allowed_cents"] or 0 for line in claim["lines"])
    beneficiary["claims"][identity] = claim["version"]
    beneficiary["cents"] += cents
    clinician[0] += 1
    clinician[1] += cents
    return True


def keys_of(claim: dict[str, Any]) -> tuple[str, str]:
    """Return the keys of the states that a claim belongs to: its beneficiary's and its clinician's."""
    return f"{claim['tin']}|{claim['beneficiary']}", f"{claim['tin']}|{claim['lines'][0]['npi']}"


def without_logical_types(schema: Any) -> Any:
    """Return a schema whose numbers are read as numbers."""
    if isinstance(schema, dict):
        return {name: without_logical_types(part) for name, part in schema.items() if name != "logicalType"}
    return [without_logical_types(part) for part in schema] if isinstance(schema, list) else schema
