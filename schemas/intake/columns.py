"""Delimited files with a header line: the columns that are needed, and each row with its line number."""

import csv
from collections.abc import Iterable, Iterator, Mapping
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


def read_rows(lines: Iterable[bytes], name: str, delimiter: str, needed: Iterable[str]) -> Iterator[Row | Refused]:
    """Read a delimited file with a header; a line with more or fewer fields than the header is refused.

    Lines are UTF-8, a byte order mark is skipped. Where a needed column is missing one refusal is all that comes.
    """
    reader = csv.reader((line.decode("utf-8-sig", errors="replace") for line in lines), delimiter=delimiter)
    header = [column.strip().upper() for column in next(reader, [])]
    missing = [column for column in needed if column not in header]
    if missing:
        detail = f"no column {', '.join(missing)} in its header, or another delimiter than {delimiter!r}"
        yield Refused(reason="MISSING_COLUMN", where=f"{name}:1", detail=detail)
        return
    try:
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                detail = f"{len(fields)} fields, the header has {len(header)}"
                yield Refused(reason="MALFORMED_FILE", where=f"{name}:{reader.line_num}", detail=detail)
                continue
            pairs = zip(header, (field.strip() for field in fields), strict=True)
            yield Row(reader.line_num, {column: value for column, value in pairs if value})
    except csv.Error as error:
        yield Refused(reason="MALFORMED_FILE", where=f"{name}:{reader.line_num}", detail=f"not delimited text: {error}")
