"""What bytes may not do to fastavro: overflow its stack, swell in memory, or keep it busy for minutes.

fastavro is compiled: it recurses without Python's limit, and trusts counts and lengths. So schemas are bounded before
it reads by them, and it is given decimals, blocks and streams that are bounded too.
"""

import bz2
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from importlib import import_module
from io import BytesIO
from types import MappingProxyType
from typing import Any, BinaryIO

import fastavro
import fastavro.read

#: How deep a record may lie in itself; a score's tree is four deep.
_DEEPEST = 16
#: decimal(18,8) takes eight bytes; who pads writes a few more. Longer ones cost the square of their length.
_MOST_DECIMAL_BYTES = 16
_EXACT = Context(prec=40)
#: A block of a container, as it lies and as it is unpacked: its writers close one after 16 to 64 KiB.
_MOST_BLOCK_BYTES = 4 * 1024 * 1024
_MOST_DICTIONARY_BYTES = 64 * 1024 * 1024


def _installed(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


#: The library by which fastavro packs zstandard, where it is installed.
ZSTANDARD: Any = _installed("backports.zstd")
_NOT_PACKED = (OSError, zlib.error, lzma.LZMAError, *(() if ZSTANDARD is None else (ZSTANDARD.ZstdError,)))


class Unrolled:
    """Writes a schema that refers to itself as one that ends: the same bytes, to :data:`_DEEPEST` records deep.

    What lies deeper is declared to be text, so that its bytes are never taken for a record.
    """

    def __init__(self) -> None:
        self._records: dict[str, Mapping[str, Any]] = {}
        self._named: set[str] = set()
        self._open: Counter[str] = Counter()

    def of(self, schema: Any) -> Any:
        """Return a schema, or a part of one, as it ends."""
        if isinstance(schema, list):
            return [self.of(branch) for branch in schema]
        if isinstance(schema, str):
            return self._record(self._records[schema]) if self._open[schema] else schema
        if schema["type"] == "array":
            return {**schema, "items": self.of(schema["items"])}
        if schema["type"] == "record":
            return self._record(schema)
        if "name" not in schema:
            return schema
        return self._once(schema["name"], schema)

    def _record(self, schema: Mapping[str, Any]) -> Any:
        name = schema["name"]
        depth = self._open[name]
        if depth == _DEEPEST:
            return "string"
        self._records[name] = schema
        self._open[name] += 1
        fields = [{**field, "type": self.of(field["type"])} for field in schema["fields"]]
        self._open[name] -= 1
        return self._once(f"{name}_{depth}" if depth else name, {**schema, "fields": fields})

    def _once(self, name: str, schema: Mapping[str, Any]) -> Any:
        """Return a named type where it stands first, and its name from then on."""
        if name in self._named:
            return name
        self._named.add(name)
        return {**schema, "name": name}


def refuse_unbounded(schema: Any, around: tuple[str, ...] = ()) -> None:
    """Refuse the schema of a container by which few bytes could become much, or stay on the stack.

    Every type must take a byte at least (an array of nulls has as many as its count says), and none may hold itself.

    :raises ValueError: it is such a schema, or none.
    """
    if isinstance(schema, list):  # a union has a byte for its branch
        for branch in schema:
            if branch != "null":
                refuse_unbounded(branch, around)
        return
    if not isinstance(schema, dict):
        if schema == "null" or schema in around:
            raise ValueError("a type without bytes, or one that holds itself")
        return
    inner, name = _inside(schema)
    for part in inner:
        refuse_unbounded(part, (*around, name))


def _inside(schema: Mapping[str, Any]) -> tuple[list[Any], str]:
    """Return the types that a type is made of, and its name."""
    kind = schema["type"]
    if kind == "array":
        return [schema["items"]], ""
    if kind == "map":
        return [schema["values"]], ""
    if kind in ("record", "error"):
        if not schema["fields"]:
            raise ValueError("a record without fields")
        return [field["type"] for field in schema["fields"]], schema["name"]
    if kind == "fixed" and not schema["size"]:
        raise ValueError("a type without bytes")
    return ([], "") if kind in ("enum", "fixed") else ([kind], "")


class BoundedStream:
    """A stream of which nobody reads more at once than a block may have."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Read, without asking memory for what a length only claims."""
        if not 0 <= size <= _MOST_BLOCK_BYTES:
            raise ValueError(f"a length that is not from 0 to {_MOST_BLOCK_BYTES}")
        return self._stream.read(size)


def _decimal(data: bytes, writer: dict[Any, Any] | None, _reader: object = None) -> Decimal:
    if len(data) > _MOST_DECIMAL_BYTES:
        raise ValueError(f"a decimal of more than {_MOST_DECIMAL_BYTES} bytes")
    return Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-(writer or {}).get("scale", 0), _EXACT)


def _unpacking(decompressor: Callable[[], Any]) -> Callable[[Any], BytesIO]:
    def block(stream: Any) -> BytesIO:
        packed: Any = fastavro.schemaless_reader(stream, "bytes", None)
        try:
            plain = decompressor().decompress(packed, _MOST_BLOCK_BYTES + 1)
        except _NOT_PACKED as error:
            raise ValueError("bytes that cannot be unpacked") from error
        if len(plain) > _MOST_BLOCK_BYTES:
            raise ValueError(f"a block of more than {_MOST_BLOCK_BYTES} bytes")
        return BytesIO(plain)

    return block


def _zstandard() -> Any:
    window = {ZSTANDARD.DecompressionParameter.window_log_max: _MOST_DICTIONARY_BYTES.bit_length() - 1}
    return ZSTANDARD.ZstdDecompressor(options=window)


_DECOMPRESSORS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "deflate": lambda: zlib.decompressobj(-zlib.MAX_WBITS),
        "bzip2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(memlimit=_MOST_DICTIONARY_BYTES),
        **({} if ZSTANDARD is None else {"zstandard": _zstandard}),
    }
)
for _codec in tuple(fastavro.read.BLOCK_READERS):
    if _codec in _DECOMPRESSORS:
        fastavro.read.BLOCK_READERS[_codec] = _unpacking(_DECOMPRESSORS[_codec])
    elif _codec != "null":
        del fastavro.read.BLOCK_READERS[_codec]  # where its library happens to be installed, nothing bounds it
fastavro.read.LOGICAL_READERS |= {"bytes-decimal": _decimal, "fixed-decimal": _decimal}
