"""Admission: inbound bytes -> journal, refusal or dead letter. It keeps no state and knows no rulebook.

Refused is only what *no* rulebook could accept; everything else is copied to the journal, bytes unchanged, with its
receipt time and origin in the headers. One record that is refused costs its neighbours nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from processors.events import BatchClosed, ClaimReceived, ClockTicked, Event, LawPromoted, Mark
from processors.identity import (
    is_beneficiary_token,
    is_npi,
    is_test_npi,
    is_test_tin,
    is_tin,
)
from schemas.codec import InvalidRecord, decode, encode, schema_of
from schemas.fingerprint import observe
from schemas.partitioning import partition_of
from schemas.records import DeadLetter, Refusal
from schemas.topics import contract
from streams.contents import check_content
from streams.rows import Row

_MOST_TEXT = 200
#: What any calendar knows as a year of four digits; which of them the law knows is the rulebook's to say.
_FIRST_YEAR, _LAST_YEAR = 1000, 9999
#: A record's state is up to forty times as long; the topics behind the journal take that.
_MOST_BYTES = 128 * 1024


#: Refused records that operators send again; nobody else may write there.
REDRIVE = "asm.redrive.v1"
#: Laws for the live generation, which become marks of the journal; only operators may write there.
PROMOTIONS = "asm.promotions.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """Where a record lay when it was received the first time, and how often it was tried."""

    origin: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A record as it lies on an inbound topic; ``timestamp`` is its append time, milliseconds UTC.

    ``redriven``: it comes again from the redrive topic; topic and timestamp are those of the first time.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    timestamp: int
    redriven: Redriven | None = None

    @property
    def origin(self) -> str:
        """Where it lay first: ``topic/partition/offset``, the topic as the contract calls it."""
        return f"{self.topic}/{self.partition}/{self.offset}" if self.redriven is None else self.redriven.origin

    @property
    def received_at(self) -> datetime:
        """When the broker received it."""
        return instant_of(self.timestamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What admission must be told: the journal's partition count, and whether test identifiers are let in."""

    partitions: int
    accept_test_identifiers: bool = False


def inbound_of(event: Event, rules: Rules, offset: int = 0, timestamp: int = 0) -> Inbound:
    """Return the record that a feed would produce of an event.

    :raises InvalidRecord: the event does not fit its schema.
    """
    try:
        key, value = event.tin.digits.encode(), encode(event)
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        raise InvalidRecord("MALFORMED_EVENT", f"does not fit its schema ({type(error).__name__})") from error
    return Inbound(
        topic=contract().topic_of(type(event).__name__),
        partition=partition_of(key, rules.partitions),
        offset=offset,
        key=key,
        value=value,
        timestamp=timestamp,
    )


def admit(record: Inbound, rules: Rules) -> Row:
    """Return the journal's row for an inbound record.

    :raises InvalidRecord: no rulebook could accept it.
    """
    promotion = record.topic == PROMOTIONS
    if promotion:
        _check_promotion(record)
    else:
        accepted(record, rules)
    value = record.value or b""
    return Row(
        key=None if promotion else record.key,
        value=value,
        timestamp=record.timestamp,
        headers=(
            ("received_at", str(record.timestamp).encode()),
            ("origin", record.origin.encode()),
            ("schema_sha256", schema_of(value).sha256.encode()),
        ),
    )


def _check_promotion(record: Inbound) -> None:
    if not isinstance(decode(record.value or b""), LawPromoted):
        raise InvalidRecord("WRONG_TOPIC", f"nothing but a LawPromoted belongs on {PROMOTIONS}")


def accepted(record: Inbound, rules: Rules) -> Event:
    """Return the event that an inbound record holds.

    :raises InvalidRecord: no rulebook could accept it.
    """
    value = record.value or b""
    if record.topic == REDRIVE:
        raise InvalidRecord("MALFORMED_REDRIVE", "headers do not say where it was received first", "headers")
    if len(value) > _MOST_BYTES:
        raise InvalidRecord("TOO_LARGE", f"{len(value)} bytes, at most {_MOST_BYTES} are taken")
    schema = schema_of(value)
    if schema.record not in contract().topics[record.topic].records:
        raise InvalidRecord("WRONG_TOPIC", f"{schema.record} does not belong on {record.topic}")
    event: Event = decode(value)
    _check_identity(event, rules)
    _check_place(event, record, rules)
    check_content(event)
    return event


def dead_letter(record: Inbound, refused: InvalidRecord) -> DeadLetter:
    """Return the dead letter of a refused record; the payload is left out where it may hold an identifier in clear."""
    value = record.value or b""
    event = _decoded(value)
    source, event_id = getattr(event, "source", None), getattr(event, "event_id", None)
    return DeadLetter(
        origin=record.origin,
        source=_legible(source),
        event_id=_legible(event_id),
        received_at=record.received_at,
        reason=refused.reason,
        field=_legible(refused.field),
        detail=refused.detail,
        payload=None if _may_identify(event, record) or len(value) > _MOST_BYTES else value,
        payload_sha256=sha256(value).hexdigest(),
        attempts=1 if record.redriven is None else record.redriven.attempts + 1,
    )


def refusal(letter: DeadLetter) -> Refusal:
    """Return what the feed may read of a dead letter."""
    return Refusal(
        origin=letter.origin,
        source=letter.source,
        event_id=letter.event_id,
        received_at=letter.received_at,
        reason=letter.reason,
        field=letter.field,
        detail=letter.detail,
        payload_sha256=letter.payload_sha256,
        attempts=letter.attempts,
    )


def batch_closed() -> Row:
    """Return the mark that ends a batch."""
    return Row(key=None, value=encode(BatchClosed()))


def clock_ticked(as_of: datetime) -> Row:
    """Return the mark that says: everything received before ``as_of`` stands above this line."""
    return Row(key=None, value=encode(ClockTicked(as_of=as_of)), timestamp=milliseconds(as_of))


def read_journal(value: bytes, headers: Mapping[str, bytes]) -> Any:
    """Return what a record of the journal holds: an observed event, or a mark."""
    content = decode(value)
    if isinstance(content, Mark):
        return content
    received_at = instant_of(int(headers["received_at"]))
    return observe(content, received_at, headers["origin"].decode())


def instant_of(timestamp: int) -> datetime:
    """Return milliseconds UTC as an instant."""
    return datetime.fromtimestamp(timestamp // 1000, tz=UTC).replace(microsecond=timestamp % 1000 * 1000)


def milliseconds(instant: datetime) -> int:
    """Return an instant as milliseconds UTC, cut to the whole millisecond."""
    return int(instant.timestamp()) * 1000 + instant.microsecond // 1000


def _decoded(value: bytes) -> Any:
    """Return the event of a record that was refused, as far as it can be read, else None."""
    try:
        return None if len(value) > _MOST_BYTES else decode(value)
    except InvalidRecord:
        return None


def _may_identify(event: Any, record: Inbound) -> bool:
    """Say whether a refused record may hold a beneficiary in clear, whatever else is wrong with it."""
    if event is None:
        return record.topic in {REDRIVE, contract().topic_of(ClaimReceived.__name__)}
    told = (getattr(event, name, None) for name in ("beneficiary", "from_token", "to_token"))
    return any(text is not None and not is_beneficiary_token(text) for text in told)


def _legible(text: str | None) -> str | None:
    """Return a text of a refused record as any reader can take it: without NUL, and not at any length."""
    return None if text is None else text.replace("\0", "")[:_MOST_TEXT]


def _check_place(event: Event, record: Inbound, rules: Rules) -> None:
    if not record.key:
        raise InvalidRecord("MISSING_KEY", "the record has no key", "key")
    if record.key != event.tin.digits.encode():
        raise InvalidRecord("KEY_MISMATCH", "the key is not the TIN in the body", "key")
    right = partition_of(record.key, rules.partitions)
    if record.partition != right:
        raise InvalidRecord("WRONG_PARTITION", f"lies in partition {record.partition}, belongs in {right}", "key")


def _check_identity(event: Event, rules: Rules) -> None:
    for name in ("source", "event_id", "submission_id", "attestation_id", "claim_id"):
        if getattr(event, name, None) == "":
            raise InvalidRecord("MISSING_IDENTITY", f"{name} is empty", name)
    if not _FIRST_YEAR <= getattr(event, "performance_year", _FIRST_YEAR) <= _LAST_YEAR:
        raise InvalidRecord("MALFORMED_YEAR", "not a year of four digits", "performance_year")
    for name, tin in _tins(event):
        if not (is_tin(tin) or (rules.accept_test_identifiers and is_test_tin(tin))):
            raise InvalidRecord("MALFORMED_TIN", "not nine digits of a TIN", name)
    for name, npi in _npis(event):
        if not (is_npi(npi) or (rules.accept_test_identifiers and is_test_npi(npi))):
            raise InvalidRecord("MALFORMED_NPI", "not ten digits of an NPI with a valid check digit", name)


def _tins(event: Event) -> Iterator[tuple[str, str]]:
    yield "tin", event.tin.digits
    if isinstance(event, ClaimReceived):
        if event.billing_tin is not None:
            yield "billing_tin", event.billing_tin.digits
        yield from (("lines.rendering_tin", n.rendering_tin.digits) for n in event.lines if n.rendering_tin is not None)


def _npis(event: Event) -> Iterator[tuple[str, str]]:
    npi = getattr(event, "npi", None)
    if npi is not None:
        yield "npi", npi
    if isinstance(event, ClaimReceived):
        yield from (("lines.npi", line.npi) for line in event.lines if line.npi is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What a batch of inbound records becomes: rows of the journal, and the letters of what was refused."""

    rows: tuple[Row, ...]
    letters: tuple[DeadLetter, ...]


def admit_batch(records: Iterable[Inbound], rules: Rules) -> Admitted:
    """Admit or refuse each record of a batch, in order."""
    rows: list[Row] = []
    letters: list[DeadLetter] = []
    for record in records:
        try:
            rows.append(admit(record, rules))
        except InvalidRecord as refused:
            letters.append(dead_letter(record, refused))
    return Admitted(rows=tuple(rows), letters=tuple(letters))
