"""Digests of what events say, by which the fold knows a repeat from a correction and from a conflict.

What is absent or empty is left out before hashing, so that a field added to a schema later does not change the digest
of an event that says nothing of it.
"""

from datetime import datetime
from hashlib import sha256
from typing import TypeVar

import msgspec

from processors.events import Event, Observed, ReceiptReceived
from schemas.plain import to_json, without_absent

E = TypeVar("E", bound=Event)
#: Not content: who said it, and how far it got.
_NOT_CONTENT = frozenset({"source", "event_id", "stage", "confirmation", "receipted_at", "submitter"})
#: What a receipt says is the instant itself.
_NOT_CONTENT_OF_RECEIPTS = frozenset({"source", "event_id", "confirmation"})


def observe(event: E, received_at: datetime, origin: str) -> Observed[E]:
    """Return an event as received, with the digests of all that it says and of its content."""
    plain = without_absent(to_json(event))
    assert isinstance(plain, dict)  # noqa: S101 - a record's plain form is a dict; narrows the type
    record = type(event).__name__
    left_out = _NOT_CONTENT_OF_RECEIPTS if isinstance(event, ReceiptReceived) else _NOT_CONTENT
    content = {name: value for name, value in plain.items() if name not in left_out}
    return Observed(
        event=event,
        received_at=received_at,
        origin=origin,
        digest=_digest(record, plain),
        content=_digest(record, content),
    )


def _digest(record: str, plain: object) -> str:
    return sha256(record.encode() + b"\0" + msgspec.json.encode(plain, order="sorted")).hexdigest()
