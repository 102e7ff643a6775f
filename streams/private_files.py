"""Files with identifiers in clear: for their owner alone, and whole or not there at all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from infra.errors import Unavailable

_OWNER_FILE, _OWNER_FOLDER = 0o600, 0o700


def private_folder(folder: Path) -> Path:
    """Return a folder, made where it is missing."""
    folder.mkdir(mode=_OWNER_FOLDER, parents=True, exist_ok=True)
    return folder


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file to write; it is on the disk when this ends."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_FILE)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def settle(partial: Path, path: Path) -> None:
    """Give a finished file or folder its name, to outlive a power cut."""
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with private_file(partial) as stream:
        stream.write(content)
    settle(partial, path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep others from writing to a folder at the same time; a lock ends with its process.

    :raises Unavailable: somebody writes there now.
    """
    with (folder / ".lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"Somebody else writes to {folder} just now.") from error
        yield
