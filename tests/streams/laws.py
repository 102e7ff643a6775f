"""Laws that differ from the shipped one in a value or two."""

from collections.abc import Mapping
from pathlib import Path

from infra.rulebooks import DEFAULT_VINTAGE, vintage_texts
from processors.rulebook import Rulebook, seal

QUALITY = "512_725_quality.toml"
EPISODES = "512_710_episodes.toml"


def texts_with(*changes: tuple[str, str, str, str]) -> dict[str, str]:
    """The shipped texts with changes: file, key of an entry, a text in it, and what stands there instead."""
    texts = vintage_texts(DEFAULT_VINTAGE)
    for file, key, before, after in changes:
        head, found, tail = texts[file].partition(f"[{key}]")
        assert found
        assert before in tail
        texts[file] = head + found + tail.replace(before, after, 1)
    return texts


def rulebooks_with(*changes: tuple[str, str, str, str]) -> Mapping[int, Rulebook]:
    """The shipped rulebooks with changes."""
    return seal(texts_with(*changes))


def write_rulebooks(folder: Path, *changes: tuple[str, str, str, str]) -> Path:
    """The shipped vintage with changes as files in a folder."""
    folder.mkdir(parents=True)
    for name, text in texts_with(*changes).items():
        (folder / name).write_text(text)
    return folder
