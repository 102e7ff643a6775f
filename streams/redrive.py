"""Records that come a second time: from a dead letter back to admission, as what they were received as the first time.

They lie on ``asm.redrive.v1``, which only operators may write; origin, receipt time and how often the record was tried
stand in headers, and admission takes them over from this topic alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from processors.identity import is_tin
from schemas.codec import InvalidRecord, decode
from schemas.records import DeadLetter
from schemas.topics import contract
from streams.admission import REDRIVE, Inbound, Redriven, milliseconds
from streams.rows import Headers, Row

#: A record is tried once when it is received, and at most twice more.
ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A record as it was consumed from a topic, by the topic's name in the contract."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Iterable[tuple[str, bytes]]


def inbound_from(record: Received) -> Inbound:
    """Return a consumed record as admission judges it; on the redrive topic as what it was the first time."""
    plain = Inbound(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        timestamp=record.timestamp,
    )
    return _as_first_received(plain, dict(record.headers)) if record.topic == REDRIVE else plain


def redrive_row(letter: DeadLetter, key: bytes | None) -> Row:
    """Return the record that brings a dead letter back to admission.

    :raises InvalidRecord: it cannot be brought back; says why.
    """
    if letter.payload is None:
        raise InvalidRecord("NO_PAYLOAD", "the payload was not kept: the feed must send it again")
    if letter.attempts >= ATTEMPTS_MAX:
        raise InvalidRecord("REDRIVEN_TOO_OFTEN", f"tried {letter.attempts} times: correct it where it comes from")
    home = _key_of(letter.payload) or key
    if home is None:
        raise InvalidRecord("NO_KEY", "neither key nor body names a TIN: the feed must send it again")
    headers: Headers = (
        ("received_at", str(milliseconds(letter.received_at)).encode()),
        ("origin", letter.origin.encode()),
        ("attempts", str(letter.attempts).encode()),
    )
    return Row(key=home, value=letter.payload, headers=headers)


def _key_of(payload: bytes) -> bytes | None:
    try:
        tin: str = decode(payload).tin.digits
    except (InvalidRecord, AttributeError):
        return None
    return tin.encode() if is_tin(tin) else None


def _as_first_received(record: Inbound, headers: dict[str, bytes]) -> Inbound:
    """Take origin and receipt time over; where they are not legible the record stays what it is, and is refused."""
    try:
        origin, attempts = headers["origin"].decode("ascii"), int(headers["attempts"])
        timestamp = int(headers["received_at"])
        topic, partition, offset = origin.rsplit("/", 2)
        told = (int(partition) >= 0, int(offset) >= 0, 0 < attempts < ATTEMPTS_MAX, timestamp >= 0)
    except (KeyError, ValueError):
        return record
    if topic not in contract().inbound() or not all(told):
        return record
    return Inbound(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        timestamp=timestamp,
        redriven=Redriven(origin=origin, attempts=attempts),
    )
