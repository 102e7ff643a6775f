"""Digests of what events say, by which the fold knows a repeat from a correction and from a conflict.

What is absent or empty is left out before hashing, so that a field added to a schema later does not change the digest
of an event that says nothing of it.
"""

from dataclasses import is_dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from processors.events import ClaimReceived, Event, Observed, ReceiptReceived
from schemas.plain import as_text, to_json, without_absent

E = TypeVar("E", bound=Event)
#: Not content: who said it, and how far it got.
_NOT_CONTENT = frozenset({"source", "event_id", "stage", "confirmation", "receipted_at", "submitter"})
#: What a receipt says is the instant itself.
_NOT_CONTENT_OF_RECEIPTS = frozenset({"source", "event_id", "confirmation"})


def _spoken(record: type[Any], left_out: frozenset[str] = frozenset()) -> type[msgspec.Struct]:
    """Return what msgspec writes of a record without what is absent or empty, as :func:`without_absent` leaves it out.

    It does so for records whose parts all say something: of a claim and its lines. Claims come by the million, and
    this takes a tenth of the time.
    """
    fields: list[tuple[str, Any, Any] | tuple[str, Any]] = []
    for name, hint in get_type_hints(record).items():
        if name in left_out:
            continue
        if get_origin(hint) is tuple:
            part = get_args(hint)[0]
            listed = list[_spoken(part)] if is_dataclass(part) else list[Any]  # type: ignore[misc, arg-type]  # made at run time
            fields.append((name, listed, msgspec.field(default_factory=list)))
        elif type(None) in get_args(hint):
            fields.append((name, Any, None))
        else:
            fields.append((name, Any))
    return msgspec.defstruct(f"Spoken{record.__name__}", fields, omit_defaults=True, kw_only=True)


_CLAIM = msgspec.json.Decoder(_spoken(ClaimReceived))
_CONTENT_OF_CLAIM = msgspec.json.Decoder(_spoken(ClaimReceived, _NOT_CONTENT))


def observe(event: E, received_at: datetime, origin: str) -> Observed[E]:
    """Return an event as received, with the digests of all that it says and of its content."""
    if isinstance(event, ClaimReceived):
        text, name = as_text(event), ClaimReceived.__name__
        return Observed(
            event=event,
            received_at=received_at,
            origin=origin,
            digest=_digest(name, _CLAIM.decode(text)),
            content=_digest(name, _CONTENT_OF_CLAIM.decode(text)),
        )
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
