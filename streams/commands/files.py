"""Files of events that a person names: which format, read line by line."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from schemas.intake.events_file import AVRO_MAGIC, read_avro_container, read_json_lines
from schemas.intake.reading import Reading


def read_events(path: Path) -> Iterator[Reading]:
    """Read a file of our own events: an Avro container where it begins like one, else JSON Lines."""
    with path.open("rb") as stream:
        yield from events_in(stream, path.name)


def events_in(stream: BinaryIO, name: str) -> Iterator[Reading]:
    """Read an open file of our own events."""
    is_avro = stream.read(len(AVRO_MAGIC)) == AVRO_MAGIC
    stream.seek(0)
    yield from read_avro_container(stream, name) if is_avro else read_json_lines(stream, name)
