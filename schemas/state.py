"""State records <-> bytes: MessagePack with sorted keys, so that equal state is equal bytes.

The records are private to assessment and bound to one engine version; they are no part of the contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from processors.announced import Announced
from processors.facts import ClinicianFacts, PracticeFacts
from schemas.packed_ledger import LedgerRecord
from schemas.plain import decode_hook, encode_hook

R = TypeVar("R")
_ENCODER = msgspec.msgpack.Encoder(enc_hook=encode_hook, order="sorted", decimal_format="string")


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeRecord:
    """A TIN in a performance year: facts, what was last announced, and when time may change something."""

    facts: PracticeFacts
    announced: Announced
    next_change_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicianRecord:
    """A clinician under a TIN in a performance year: facts, and what was last announced."""

    facts: ClinicianFacts
    announced: Announced


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionMark:
    """How far the state of a partition is, and under which engine and law it was made.

    ``applied`` is the offset of the last mark of the journal whose effects are in the state, ``as_of`` the last tick.
    ``promoted`` names the generation whose law this is since it was promoted; empty: the law of the deployment.
    ``ended``: the run goes no further.
    """

    applied: int
    as_of: datetime | None
    engine: int
    rulebooks: Mapping[str, str] = field(default_factory=dict)
    promoted: str = ""
    ended: bool = False


def pack(record: object) -> bytes:
    """Return the bytes of a state record."""
    return _ENCODER.encode(record)


def unpack(value: bytes, record: type[R]) -> R:
    """Return the state record that bytes hold.

    :raises msgspec.DecodeError: the bytes are not such a record.
    """
    try:
        unpacked: R = _DECODERS[record].decode(value)
    except (NotImplementedError, RecursionError, UnicodeDecodeError, ArithmeticError) as error:
        raise msgspec.DecodeError(f"no {record.__name__}: {type(error).__name__}") from error
    return unpacked


def announced_of(value: bytes) -> Announced | None:
    """Return what was last announced as a state record tells it, whatever engine version its facts are of.

    :raises msgspec.DecodeError: it is not told as this release tells it.
    """
    record = msgspec.msgpack.decode(value)
    told = record[-1] if isinstance(record, list) else record["announced"]
    try:
        return None if told is None else msgspec.convert(told, Announced, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        raise msgspec.DecodeError(f"no {Announced.__name__}: {error}") from error


_DECODERS: Mapping[Any, msgspec.msgpack.Decoder[Any]] = {
    record: msgspec.msgpack.Decoder(record, dec_hook=decode_hook)
    for record in (PracticeRecord, ClinicianRecord, LedgerRecord, PartitionMark)
}
