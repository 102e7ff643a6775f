"""Decoders of what lies on Kafka: records, admission and its dead letters, the journal, state records."""

from datetime import UTC, datetime

import msgspec

from processors.events import EventName
from schemas.codec import InvalidRecord, decode, encode
from schemas.event_names import event_name
from schemas.packed_ledger import LedgerRecord, unpacked
from schemas.state import ClinicianRecord, PartitionMark, PracticeRecord, unpack
from schemas.topics import contract
from streams.admission import Inbound, Rules, admit_batch, read_journal, refusal

_RULES = Rules(partitions=4, accept_test_identifiers=True)
_HEAD = 16
#: What a broker can have stamped: from the epoch to a hundred years from now, which is what the topics let in.
_LATEST_MS = int(datetime(2126, 1, 1, tzinfo=UTC).timestamp()) * 1000
STATE_RECORDS = (PracticeRecord, ClinicianRecord, LedgerRecord, PartitionMark)


def record(content: bytes) -> None:
    """``codec.decode``: a record, or InvalidRecord; a record that was read can be written and is the same."""
    try:
        found = decode(content)
    except InvalidRecord:
        return
    try:
        again = encode(found)
    except ArithmeticError:
        return  # more digits before the point than the contract has; admission refuses it by name
    assert decode(again) == found


def inbound(content: bytes) -> None:
    """Admission: a row of the journal that can be read back, or a dead letter and a refusal that can be written.

    An admitted event is named by its first bytes as it names itself.

    The first bytes say where and when the record lies, and its key: none, nine bytes, or more.
    """
    head, rest = content[:_HEAD].ljust(_HEAD, b"\0"), content[_HEAD:]
    topics = contract().inbound()
    length = head[2] % 12
    lying = Inbound(
        topic=topics[head[0] % len(topics)],
        partition=head[1] % _RULES.partitions,
        offset=head[3],
        key=None if length == 0 else rest[: length - 1],
        value=None if head[4] == 0xFF else rest[max(length - 1, 0) :],
        timestamp=int.from_bytes(head[8:16], "big") % _LATEST_MS,
    )
    name, admitted = event_name(lying.value), admit_batch([lying], _RULES)
    assert len(admitted.rows) + len(admitted.letters) == 1
    for row in admitted.rows:
        event = read_journal(row.value or b"", dict(row.headers)).event
        assert name == EventName(source=event.source, event_id=event.event_id)
    for letter in admitted.letters:
        assert decode(encode(letter)) == letter
        decode(encode(refusal(letter)))


def state(content: bytes) -> None:
    """A state record: one of the record that the first byte chooses, or msgspec.DecodeError."""
    kind = STATE_RECORDS[content[0] % len(STATE_RECORDS)] if content else PartitionMark
    try:
        found: object = unpack(content[1:], kind)
        if isinstance(found, LedgerRecord):
            unpacked(found)
    except msgspec.DecodeError:
        return
