"""Inputs as long as a record may be, or longer: a part of a valid input again and again, so that squares show."""

from collections.abc import Iterator
from itertools import pairwise

LENGTH = 128 * 1024


def swollen(content: bytes, length: int = LENGTH) -> Iterator[bytes]:
    """Yield a valid input swollen to a length: the whole, each eighth, its middle line, and its last byte repeated."""
    if not content:
        return
    yield content * (length // len(content) + 1)
    cuts = [len(content) * eighth // 8 for eighth in range(9)]
    for start, end in pairwise(cuts):
        if start < end:
            yield _repeated(content, start, end, length)
    lines = content.splitlines(keepends=True)
    start = sum(map(len, lines[: len(lines) // 2]))
    yield _repeated(content, start, start + len(lines[len(lines) // 2]), length)
    yield content + content[-1:] * length


def _repeated(content: bytes, start: int, end: int, length: int) -> bytes:
    return content[:start] + content[start:end] * (length // (end - start) + 1) + content[end:]
