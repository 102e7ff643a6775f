"""Delimited files with a header line: the columns that are needed, and each row with its line number."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.intake.reading import Refused


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file, by column; values are stripped, and what is empty is absent."""

    number: int
    values: Mapping[str, str]

    def get(self, column: str) -> str | None:
        """Return a value, or None where it is absent."""
        return self.values.get(column)


@dataclass(frozen=True, slots=True)
class Broken:
    """A line with more or fewer fields than the header: its refusal, and the fields that it begins with."""

    refused: Refused
    values: Mapping[str, str]


def read_rows(lines: Iterable[bytes], name: str, delimiter: str, needed: Iterable[str]) -> Iterator[Row | Refused]:
    """Read a delimited file with a header; a line with more or fewer fields than the header is refused.

    Lines are UTF-8, a byte order mark is skipped. Where a needed column is missing one refusal is all that comes.
    """
    for line in read_lines(lines, name, delimiter, needed):
        yield line.refused if isinstance(line, Broken) else line


def read_lines(
    lines: Iterable[bytes], name: str, delimiter: str, needed: Iterable[str]
) -> Iterator[Row | Broken | Refused]:
    """Read likewise, for who must know what a broken line begins with."""
    reader = csv.reader((line.decode("utf-8-sig", errors="replace") for line in lines), delimiter=delimiter)
    try:
        header = [column.strip().upper() for column in next(reader, [])]
        missing = [column for column in needed if column not in header]
        if missing:
            detail = f"no column {', '.join(missing)} in its header, or another delimiter than {delimiter!r}"
            yield Refused(reason="MISSING_COLUMN", where=f"{name}:1", detail=detail)
            return
        for fields in reader:
            if fields:
                yield _line(fields, header, f"{name}:{reader.line_num}", reader.line_num)
    except csv.Error as error:
        yield Refused(reason="MALFORMED_FILE", where=f"{name}:{reader.line_num}", detail=f"not delimited text: {error}")


def _line(fields: Sequence[str], header: Sequence[str], where: str, number: int) -> Row | Broken:
    pairs = zip(header, (field.strip() for field in fields), strict=False)
    values = {column: value for column, value in pairs if value}
    if len(fields) == len(header):
        return Row(number, values)
    detail = f"{len(fields)} fields, the header has {len(header)}"
    return Broken(Refused(reason="MALFORMED_FILE", where=where, detail=detail), values)
