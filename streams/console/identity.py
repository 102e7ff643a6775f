"""Who asks, and what practices they may see: one interface, and the way of it that needs no other machine.

An identity provider takes the place of :class:`LocalSignIn` by keeping the promise of :class:`SignIn`.
"""

import secrets
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

import msgspec

_SESSION_LASTS = timedelta(hours=12)
_SHA256 = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person, and the aliases of the practices that they may see; None is every practice."""

    name: str
    practices: frozenset[str] | None

    @property
    def scope(self) -> str:
        """What they may see, for the record."""
        return "all practices" if self.practices is None else f"practices {', '.join(sorted(self.practices))}"


class SignIn(Protocol):
    """Says who a request comes from."""

    def identify(self, session: str | None, token: str | None) -> Identity | None:
        """Return whose session or bearer token it is; None where it is nobody's."""

    def open(self, proof: str) -> str | None:
        """Return a new session for who proves who they are; None where the proof proves nothing."""

    def close(self, session: str) -> None:
        """End a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of the scopes file: a digest of their token, or none, and then they get one at each start."""

    identity: Identity
    token_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What is handed to a person at the start: a ticket for a link that works once, and where new a token."""

    name: str
    ticket: str
    token: str | None


class ScopesError(ValueError):
    """A scopes file that cannot be."""


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    practices: list[str] | Literal["all"]
    token_sha256: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    person: list[_Row]


EVERYBODY = (Person(identity=Identity(name="operator", practices=None)),)


def read_scopes(path: Path) -> tuple[Person, ...]:
    """Read who may see what from a TOML file.

    :raises ScopesError: it is not such a file, or names somebody twice.
    """
    try:
        rows = msgspec.convert(tomllib.loads(path.read_text()), _File).person
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ScopesError(f"{path}: {error}") from error
    names = [row.name for row in rows]
    if not rows or len(set(names)) < len(names):
        raise ScopesError(f"{path}: name each person once, and at least one")
    return tuple(_person(row, path) for row in rows)


def _person(row: _Row, path: Path) -> Person:
    digest = row.token_sha256
    if digest is not None and (len(digest) != 64 or set(digest) - _SHA256):
        raise ScopesError(f"{path}: token_sha256 of {row.name} is not 64 hexadecimal digits")
    if not row.practices:
        raise ScopesError(f'{path}: {row.name} sees no practice; write practices = "all" for every one')
    practices = None if row.practices == "all" else frozenset(row.practices)
    return Person(identity=Identity(name=row.name, practices=practices), token_sha256=digest)


class LocalSignIn:
    """Signs in by a ticket that works once, or by a token; sessions last twelve hours and end with the process."""

    def __init__(self, people: Iterable[Person], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._tickets: dict[str, Identity] = {}
        self._tokens: dict[str, Identity] = {}
        self._sessions: dict[str, tuple[Identity, datetime]] = {}
        self.handed = tuple(self._hand(person) for person in people)

    def identify(self, session: str | None, token: str | None) -> Identity | None:
        """Return whose token or session it is; what has lasted too long is nobody's."""
        if token is not None:
            return self._tokens.get(_digest(token))
        found = None if session is None else self._sessions.get(_digest(session))
        return None if found is None or found[1] <= self._now() else found[0]

    def open(self, proof: str) -> str | None:
        """Return a new session for a token, or for a ticket that was not used before."""
        identity = self._tickets.pop(_digest(proof), None) or self._tokens.get(_digest(proof))
        if identity is None:
            return None
        now = self._now()
        self._sessions = {digest: (who, until) for digest, (who, until) in self._sessions.items() if until > now}
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = identity, now + _SESSION_LASTS
        return session

    def close(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(session), None)

    def _hand(self, person: Person) -> Handed:
        ticket, token = secrets.token_urlsafe(32), None
        if person.token_sha256 is None:
            token = secrets.token_urlsafe(32)
        self._tokens[person.token_sha256 or _digest(token or "")] = person.identity
        self._tickets[_digest(ticket)] = person.identity
        return Handed(name=person.identity.name, ticket=ticket, token=token)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
