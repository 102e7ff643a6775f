"""A ZIP code crosswalk becomes the rulebook's file of areas."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.rulebooks import AREAS, DEFAULT_VINTAGE, load_rulebooks
from processors.episodes import episode_rules
from processors.rulebook import RulebookError
from processors.rulebook.sections import ZipArea
from schemas.intake.crosswalk import areas_of, areas_text, read_crosswalk, read_mandatory
from schemas.intake.reading import Refused
from streams.commands import app
from tests.making import YEAR

#: Invented: no ZIP code and no area of a real crosswalk.
CROSSWALK = [
    b"ZIP,CBSA,METDIV,RES_RATIO,TOT_RATIO\n",
    b"00001,10001,,1,0.4\n",
    b"1,10002,,0,0.6\n",
    b"00002,10001,10003,1,1\n",
    b"00003,99999,,1,1\n",
    b"00004,10005,,1,0.5\n",
    b"00004,10004,,1,0.5\n",
]


def test_a_zip_code_is_in_the_area_with_most_of_its_addresses() -> None:
    rows = [row for row in read_crosswalk(CROSSWALK, "zip.csv") if not isinstance(row, Refused)]
    assert areas_of(rows) == {"00001": "10002", "00002": "10003", "00004": "10004"}


@pytest.mark.parametrize("line", [b"ABC,10001,,1,1\n", b"00001,1000,,1,1\n", b"00001,10001,,1,most\n"])
def test_a_line_that_is_no_row_of_a_crosswalk_is_refused_with_its_place(line: bytes) -> None:
    assert list(read_crosswalk([CROSSWALK[0], line], "zip.csv")) == [
        Refused(
            reason="MALFORMED_FILE",
            where="zip.csv:2",
            detail="not a ZIP code of five digits, an area of five, and a share",
        )
    ]


def test_without_a_share_a_row_is_the_whole_zip_code() -> None:
    assert list(read_crosswalk([b"ZIP,CBSA\n", b"00001,10001\n"], "z")) == [("00001", "10001", Decimal(1))]


def test_a_list_of_mandatory_areas_is_read_and_its_bad_lines_refused() -> None:
    assert list(read_mandatory([b"AREA,TITLE\n", b"10001,Somewhere\n", b"X,\n"], "m.csv")) == [
        "10001",
        Refused(reason="MALFORMED_FILE", where="m.csv:3", detail="not an area of five digits"),
    ]


def test_a_file_without_the_columns_is_refused_once() -> None:
    assert [r.reason for r in read_crosswalk([b"A,B\n", b"1,2\n"], "z") if isinstance(r, Refused)] == ["MISSING_COLUMN"]
    assert [r.reason for r in read_mandatory([b"A\n", b"1\n"], "m") if isinstance(r, Refused)] == ["MISSING_COLUMN"]


def test_the_file_of_areas_takes_the_place_of_the_vintages_own(tmp_path: Path) -> None:
    path = tmp_path / "areas.toml"
    sources, vintage = ('the "old" one', "m.csv"), (DEFAULT_VINTAGE, date(2026, 11, 24))
    text = areas_text({"00001": "10002"}, ["10002", "10001", "10002"], sources, vintage)
    path.write_text(text)
    book, shipped = load_rulebooks(DEFAULT_VINTAGE, path)[YEAR], load_rulebooks(DEFAULT_VINTAGE)[YEAR]
    assert (book.areas.mandatory_areas, book.areas.zip_areas) == (
        ("10001", "10002"),
        (ZipArea(zip="00001", area="10002"),),
    )
    assert book.areas.sources["zip_areas"].cites == ("42 CFR 512.710", 'the "old" one')
    assert dict(episode_rules(book).areas) == {"00001": "10002"}
    assert (book.digest != shipped.digest, book.quality == shipped.quality) == (True, True)


def test_a_file_of_areas_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match=r"ASM_AREAS_FILE: .*none.toml cannot be read as text"):
        load_rulebooks(DEFAULT_VINTAGE, tmp_path / "none.toml")


def test_the_command_writes_the_file_of_areas_and_refuses_bad_lines(tmp_path: Path) -> None:
    crosswalk, mandatory = tmp_path / "zip.csv", tmp_path / "m.csv"
    crosswalk.write_bytes(b"".join(CROSSWALK))
    mandatory.write_bytes(b"AREA\n10002\n")
    words = ["rules", "areas", str(crosswalk), "--mandatory", str(mandatory), "--verified", "2026-11-24"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0
    (tmp_path / AREAS).write_text(told.stdout)
    book = load_rulebooks(DEFAULT_VINTAGE, tmp_path / AREAS)[YEAR]
    assert [row.zip for row in book.areas.zip_areas] == ["00001", "00002", "00004"]
    crosswalk.write_bytes(b"ZIP,CBSA\nnone,10001\n")
    again = CliRunner().invoke(app, words)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "refused MALFORMED_FILE" in again.stderr
