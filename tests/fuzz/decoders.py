"""The table of decoders: what each is given, and which share of the long form's executions it gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.fuzz import files, wire

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """A harness: it returns, or raises what no caller expects. ``share`` is in parts of a thousand."""

    run: Callable[[bytes], None]
    share: int


#: Shares follow speed and exposure: what lies on Kafka comes from anybody who may write there.
DECODERS: Mapping[str, Decoder] = MappingProxyType(
    {
        "codec": Decoder(run=wire.record, share=230),
        "admission": Decoder(run=wire.inbound, share=150),
        "state": Decoder(run=wire.state, share=250),
        "json_lines": Decoder(run=files.events, share=100),
        "container": Decoder(run=files.container, share=50),
        "qpp": Decoder(run=files.qpp, share=80),
        "rif": Decoder(run=files.rif, share=20),
        "participants": Decoder(run=files.participants, share=30),
        "practices": Decoder(run=files.practices, share=30),
        "identifiers": Decoder(run=files.identifiers, share=25),
        "crosswalk": Decoder(run=files.crosswalk, share=20),
        "mandatory": Decoder(run=files.mandatory, share=11),
        "rulebook": Decoder(run=files.rulebook, share=4),
    }
)


def stored(name: str) -> list[Path]:
    """The inputs of a decoder that are kept: found by the guided fuzzer, or named after what they broke."""
    return sorted((CORPUS / name).glob("*"))
