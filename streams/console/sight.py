"""What one person may see of the view, and how practices are named in addresses: by alias, never by TIN."""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256

from sqlmodel import Session

from infra.database.board import practices, tins_with_alias
from streams.console.identity import Identity

#: An alias that can stand in an address; one of nine digits may be a TIN, and is not used.
_PLAIN = re.compile(r"(?!\d{2}-?\d{7}$)[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_OPAQUE = re.compile(r"~[0-9a-f]{24}")


class Sight:
    """The practices that one person may see. Whatever is not among them is as if it were not there."""

    def __init__(self, session: Session, identity: Identity, key: bytes) -> None:
        self._session = session
        self._key = key
        named = identity.practices
        self.tins = None if named is None else tins_with_alias(session, named)

    def covers(self, tin: str) -> bool:
        """Say whether a practice may be seen."""
        return self.tins is None or tin in self.tins

    def practice_id(self, tin: str, alias: str | None) -> str:
        """Return the name of a practice in addresses: its alias, or where it has none a digest under a secret key."""
        if alias is not None and _PLAIN.fullmatch(alias):
            return alias
        return "~" + hmac.new(self._key, tin.encode(), sha256).hexdigest()[:24]

    def tins_of(self, practice_id: str) -> frozenset[str]:
        """Return the TINs of a practice by its name in addresses, of those that may be seen."""
        if _OPAQUE.fullmatch(practice_id):
            found: Iterable[str] = (
                p.tin for p in practices(self._session, self.tins) if self.practice_id(p.tin, p.alias) == practice_id
            )
        else:
            found = tins_with_alias(self._session, [practice_id]) if _PLAIN.fullmatch(practice_id) else ()
        return frozenset(tin for tin in found if self.covers(tin))
