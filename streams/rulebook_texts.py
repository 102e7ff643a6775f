"""The rulebooks that a cluster remembers: digest -> full text, kept as long as outputs may name them."""

from infra.kafka.connection import Connection
from infra.kafka.reading import reader, records_to_end
from infra.kafka.topics import topic_names

RULEBOOKS = "asm.rulebooks.v1"


def published_text(connection: Connection, digest: str) -> str | None:
    """Return the text of the rulebook whose digest begins so, or None where the cluster has none.

    :raises Unavailable: the cluster does not answer, or has no such topic.
    """
    with reader(connection, topic_names(connection.settings).of(RULEBOOKS)) as consumer:
        found = (r.value.decode() for r in records_to_end(consumer) if (r.key or b"").decode().startswith(digest))
        return next(found, None)
