"""An example of every code, from ``reason_examples.toml``: a sentence, and where one event shows it that event."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonExample:
    """What leads to a code: ``events`` in the JSON form, the last of which is what it is given for."""

    says: str
    events: tuple[Mapping[str, Any], ...] = ()
    change: Mapping[str, Any]
    without: tuple[str, ...]

    @property
    def event(self) -> Mapping[str, Any] | None:
        """The event for which the code is given, where one shows it."""
        return self.events[-1] if self.events else None


@cache
def reason_examples() -> Mapping[str, ReasonExample]:
    """Read the examples that ship with this package, by code."""
    declared = tomllib.loads(files("schemas").joinpath("reason_examples.toml").read_text())
    return {code: _example(entry) for code, entry in declared.items()}


def example_record(name: str) -> dict[str, Any]:
    """Return an example of ``schemas/examples``, by ``Record/name``."""
    text = files("schemas").joinpath("examples").joinpath(f"{name}.json").read_bytes()
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def _example(entry: Mapping[str, Any]) -> ReasonExample:
    change, without = entry.get("change", {}), tuple(entry.get("without", ()))
    before = [example_record(name) for name in entry.get("after", ())]
    last = []
    if "record" in entry:
        event = example_record(entry["record"])
        data = {k: v for k, v in (event["data"] | change).items() if k not in without}
        last = [event | {"id": data["event_id"], "data": data, "time": entry.get("time", event["time"])}]
    return ReasonExample(says=entry["says"], events=(*before, *last), change=change, without=without)
