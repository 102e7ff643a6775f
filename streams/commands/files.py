"""Files of events that a person names: which format, read line by line."""

from collections.abc import Iterator
from pathlib import Path

from schemas.intake.events_file import AVRO_MAGIC, read_avro_container, read_json_lines
from schemas.intake.reading import Reading


def read_events(path: Path) -> Iterator[Reading]:
    """Read a file of our own events: an Avro container where it begins like one, else JSON Lines."""
    with path.open("rb") as stream:
        is_avro = stream.read(len(AVRO_MAGIC)) == AVRO_MAGIC
        stream.seek(0)
        yield from read_avro_container(stream, path.name) if is_avro else read_json_lines(stream, path.name)
