"""Files of events that a person names: which format, read line by line."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import typer

from schemas.codec import InvalidRecord
from schemas.intake.events_file import AVRO_MAGIC, read_avro_container, read_json_lines
from schemas.intake.reading import Read, Reading, Refused
from streams.admission import Rules
from streams.feeding import check


def read_events(path: Path) -> Iterator[Reading]:
    """Read a file of our own events: an Avro container where it begins like one, else JSON Lines."""
    with path.open("rb") as stream:
        yield from events_in(stream, path.name)


def events_in(stream: BinaryIO, name: str) -> Iterator[Reading]:
    """Read an open file of our own events."""
    is_avro = stream.read(len(AVRO_MAGIC)) == AVRO_MAGIC
    stream.seek(0)
    yield from read_avro_container(stream, name) if is_avro else read_json_lines(stream, name)


def refusal_of(read: Read, rules: Rules) -> Refused | None:
    """Return why admission would refuse an event that was read, or None."""
    try:
        check(read.event, rules)
    except InvalidRecord as error:
        return as_refused(read, error)
    return None


def as_refused(read: Read, error: InvalidRecord) -> Refused:
    """Return the refusal of an event that was read."""
    detail = f"{error.field}: {error.detail}" if error.field else error.detail
    return Refused(reason=error.reason, where=read.where, detail=detail, event_id=read.event.event_id)


def in_a_folder(path: Path | None) -> Path | None:
    """Make sure that the folder of a file to be written is there."""
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    return path
