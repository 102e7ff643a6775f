"""A rulebook by its digest: at hand with this release, or remembered by the cluster as long as outputs may name it."""

from infra.kafka.connection import Connection, connect
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names
from infra.rulebooks import load_rulebooks, vintages
from infra.settings import Settings
from processors.rulebook import Rulebook, unseal

RULEBOOKS = "asm.rulebooks.v1"
#: A beginning of a digest of so many digits names a rulebook.
LEAST_DIGEST = 8


def text_of(settings: Settings, digest: str) -> str | None:
    """Return the text of the rulebook whose digest is or begins so, or None; the cluster is asked last.

    :raises Unavailable: the rulebook is not at hand, and the cluster does not answer.
    """
    book = _at_hand(settings, digest)
    return published_text(connect(settings), digest) if book is None else book.text


def rulebook_of(settings: Settings, digest: str) -> Rulebook | None:
    """Return the rulebook whose digest is or begins so, or None; the cluster is asked last.

    :raises RulebookError: its text is of a shape that this release does not know.
    :raises Unavailable: the rulebook is not at hand, and the cluster does not answer.
    """
    book = _at_hand(settings, digest)
    if book is not None:
        return book
    text = published_text(connect(settings), digest)
    return None if text is None else unseal(text)


def _at_hand(settings: Settings, digest: str) -> Rulebook | None:
    """Return a rulebook of the deployment's, or one that ships."""
    own = load_rulebooks(settings.vintage, settings.areas_file)
    known = (book for books in (own, *map(load_rulebooks, vintages())) for book in books.values())
    return next((book for book in known if book.digest.startswith(digest)), None)


def published_text(connection: Connection, digest: str) -> str | None:
    """Return the text of the rulebook whose digest begins so, or None where the cluster has none.

    :raises Unavailable: the cluster does not answer, or has no such topic.
    """
    with reader(connection, topic_names(connection.settings).of(RULEBOOKS)) as consumer:
        found = (r.value.decode() for r in records_to_end(consumer) if (r.key or b"").decode().startswith(digest))
        return next(found, None)
