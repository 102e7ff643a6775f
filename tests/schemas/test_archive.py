"""Containers of the archive: bytes as they lay, readable by any Avro reader, equal rows equal bytes."""

from hashlib import sha256
from io import BytesIO
from typing import Any

import fastavro
import pytest
from avro.datafile import DataFileReader
from avro.io import DatumReader

from processors.events import BatchClosed
from schemas.archive import ArchiveBroken, ArchivedRow, ArchiveReader, ArchiveWriter, Written
from schemas.bounds import ZSTANDARD
from schemas.codec import decode, encode
from tests.making import TIN, attested, listed, quality

JOURNAL = "asm.journal.v1"
NEEDS_ZSTANDARD = pytest.mark.skipif(ZSTANDARD is None, reason="backports.zstd is not installed")
KEY = TIN.digits.encode()
HEADERS = (("received_at", b"1"), ("origin", b"asm.claims.v1/0/1"), ("schema_sha256", b"00"))


def row(offset: int, value: bytes | None, key: bytes | None = KEY) -> ArchivedRow:
    return ArchivedRow(offset=offset, timestamp=1_800_000_000_000, key=key, value=value, headers=HEADERS)


def written(
    rows: list[ArchivedRow], topic: str = JOURNAL, year: int | None = None, codec: str = "deflate"
) -> tuple[BytesIO, Written]:
    stream = BytesIO()
    writer = ArchiveWriter(stream, topic, codec, year)
    for item in rows:
        writer.append(item)
    done = writer.finish()
    stream.seek(0)
    return stream, done


EVENTS = (listed(), quality(), attested(), BatchClosed())
ROWS = [row(2 * n, encode(event), None if isinstance(event, BatchClosed) else KEY) for n, event in enumerate(EVENTS)]


def test_what_is_read_is_what_lay_on_the_topic() -> None:
    odd = [row(10, None), row(11, b"no record"), row(12, encode(quality()) + b"more"), row(13, b"\0\0\0\0\x63")]
    stream, done = written([*ROWS, *odd])
    assert list(ArchiveReader(stream).rows()) == [*ROWS, *odd]
    assert (done.count, done.left_out, done.size) == (8, 0, len(stream.getvalue()))


@pytest.mark.parametrize("codec", ["null", "deflate", "xz", pytest.param("zstandard", marks=NEEDS_ZSTANDARD)])
def test_every_codec_gives_back_what_it_was_given(codec: str) -> None:
    stream, done = written(ROWS * 3000, codec=codec)  # several blocks
    assert list(ArchiveReader(stream).rows()) == ROWS * 3000
    assert len(list(fastavro.block_reader(BytesIO(stream.getvalue())))) > 1
    assert (done.count, done.sha256) == (12000, sha256(stream.getvalue()).hexdigest())


def test_bytes_that_another_writer_wrote_otherwise_are_kept() -> None:
    event = quality()
    usual = encode(event)
    padded = usual.replace(b"\x12" + KEY, b"\x92\x00" + KEY)  # a length of nine in two bytes
    assert (decode(padded), padded == usual) == (event, False)
    stream, _ = written([row(0, padded)])
    assert [r.value for r in ArchiveReader(stream).rows()] == [padded]


def test_a_file_that_is_none_or_is_cut_off_is_broken() -> None:
    whole = written(ROWS)[0].getvalue()
    loose = written([row(0, b"no record")], codec="null")[0].getvalue()
    longer = loose.replace(b"\x12\x02\x12no record", b"\x7e\x02\x12no record")  # a length beyond the end
    for content in (b"", b"nothing", whole[:-20], whole[:200], longer):
        with pytest.raises(ArchiveBroken):
            list(ArchiveReader(BytesIO(content)).rows())


@pytest.mark.parametrize("reader", [fastavro.reader, lambda stream: DataFileReader(stream, DatumReader())])
def test_any_avro_reader_shows_the_records(reader: Any) -> None:
    longer = encode(EVENTS[0]) + b"more"
    stream, _ = written([*ROWS, row(9, b"no record"), row(10, None), row(11, longer)])
    shown = list(reader(stream))
    assert [r["offset"] for r in shown] == [0, 2, 4, 6, 9, 10, 11]
    assert [r["key"] for r in shown] == [KEY, KEY, KEY, None, KEY, KEY, KEY]
    assert shown[1]["value"]["measurements"][0]["measure_id"] == quality().measurements[0].measure_id
    assert [r["value"] for r in shown[3:]] == [{}, b"no record", None, longer]
    assert [(h["name"], h["value"]) for h in shown[0]["headers"]] == list(HEADERS)


def test_texts_are_texts() -> None:
    rows = [row(0, b"[terms]\nyear = 1\n", b"digest"), row(1, b"\xff", b"digest")]
    stream, _ = written(rows, "asm.rulebooks.v1")
    shown: Any = list(fastavro.reader(stream))
    assert [r["value"] for r in shown] == ["[terms]\nyear = 1\n", b"\xff"]
    stream.seek(0)
    assert list(ArchiveReader(stream).rows()) == rows


def test_equal_rows_are_equal_bytes() -> None:
    assert written(ROWS)[0].getvalue() == written(ROWS)[0].getvalue()


def test_an_extract_has_its_year_and_what_has_none() -> None:
    other = row(8, encode(quality(performance_year=2028)))
    stream, done = written([*ROWS, other], year=2027)
    assert list(ArchiveReader(stream).rows()) == ROWS
    assert (done.count, done.left_out) == (4, 1)
