"""What is watched: whose scores and alerts become a line, what the line says, and how it looks in a terminal."""

import io

from rich.console import Console
from rich.live import Live

from infra.database.tables import Score
from processors.outputs import Alert, ObligationChanged, Output, ScoreChanged
from streams.commands.watch import Board, Plain
from streams.projection import rows_of
from streams.watching import Followed, Line, People, Sign, Watcher, as_of
from tests.making import NPI, OTHER_NPI, TIN, at, claim, listed, quality
from tests.streams.driver import Driver

NAMED = {"name": "Ilse Ode", "practice_alias": "north", "organization": "Ode PC"}


def said() -> list[Output]:
    """What is said of a clinician with one measure, up to a week before the deadline."""
    driver = Driver()
    driver.send(listed(event_id="l", **NAMED))
    driver.tick("2028-02-01T00:00:00Z")
    driver.send(quality(event_id="q"))
    driver.tick("2028-03-24T00:00:00Z")
    return driver.outputs


def lines(followed: Followed, outputs: list[Output], people: People | None = None) -> list[Line]:
    watcher = Watcher(followed, people or People([]), as_of)
    return [line for output in outputs for line in watcher.lines(output)]


def test_a_score_is_told_with_what_it_was_and_what_moved_it() -> None:
    texts = [line.text for line in lines(Followed(), said()) if line.sign is Sign.SCORE]
    assert texts[-1].startswith(f"Ilse Ode, NPI {NPI}, Ode PC (north): ")
    assert "→" in texts[-1]
    assert any("because of SubmissionReceived of " in text for text in texts)


def test_alerts_alone_are_told_of_obligations_each_in_its_sentence() -> None:
    outputs = said()
    alerts = [o for o in outputs if isinstance(o, ObligationChanged) and o.alert is Alert.FIRING]
    told = [line for line in lines(Followed(), outputs) if line.sign is Sign.ALERT]
    assert len(told) == len(alerts) > 0
    assert [line.as_of for line in told] == [o.as_of for o in alerts]
    assert all("days left" in line.text for line in told)
    assert any(line.text.startswith("Ode PC (north): ") for line in told)


def test_nobody_is_told_of_who_is_not_followed() -> None:
    outputs = said()
    everybody = lines(Followed(), outputs)
    one = Followed(clinicians=frozenset({(TIN.digits, NPI)}))
    other = Followed(clinicians=frozenset({(TIN.digits, OTHER_NPI)}))
    assert lines(one, outputs) == everybody
    assert {line.text.split(":")[0] for line in lines(other, outputs)} == {"Ode PC (north)"}
    assert lines(Followed(clinicians=frozenset({("987654321", NPI)})), outputs) == []
    assert lines(Followed(year=2028), outputs) == []


def test_a_cohort_is_followed_by_the_cohorts_of_its_clinicians() -> None:
    outputs = said()
    assert lines(Followed(cohort="HEART_FAILURE"), outputs) == lines(Followed(), outputs)
    assert lines(Followed(cohort="LOW_BACK_PAIN"), outputs) == []


def test_names_come_from_the_view_before_a_score_is_said() -> None:
    outputs = said()
    score = next(o for o in outputs if isinstance(o, ScoreChanged))
    row = next(row for table, row in rows_of(score) if table is Score)
    obligations = [o for o in outputs if isinstance(o, ObligationChanged)]
    told = lines(Followed(), list(obligations), People([Score(**row)]))
    unknown = lines(Followed(), list(obligations))
    assert {line.text.split(":")[0] for line in told} >= {"Ode PC (north)"}
    assert not any("Ode" in line.text for line in unknown)


def test_no_line_holds_a_tin() -> None:
    driver = Driver()
    driver.send(listed(event_id="l"), claim(event_id="c"))
    driver.tick("2028-03-30T00:00:00Z")
    told = lines(Followed(), driver.outputs)
    assert len(told) > 3
    assert [line for line in told if TIN.digits in line.text] == []


def drawn(width: int, told: list[Line]) -> list[str]:
    """The board's last picture on a terminal of some columns and 24 lines."""
    page = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None)
    with Live(console=page, auto_refresh=False) as live:
        board = Board(live, "everybody")
        for line in told:
            board.show(line)
        board.refresh()
        picture = live.get_renderable()
    plain = Console(file=io.StringIO(), width=width, height=24, color_system=None)
    with plain.capture() as captured:
        plain.print(picture)
    return captured.get().splitlines()


def test_the_board_fits_the_terminal_and_shows_the_latest_first() -> None:
    told = lines(Followed(), said()) * 20
    newest = Line(sign=Sign.RESOLVED, as_of=at("2028-03-25T00:00:00Z"), text="The newest.")
    for width in (80, 120):
        picture = drawn(width, [*told, newest])
        assert len(picture) <= 23
        assert max(map(len, picture)) <= width
        assert "Watching everybody · as of 2028-03-24 20:00 EDT" in picture[0]
        assert "The newest." in next(row for row in picture if "2028-03-2" in row and "│" in row)


def test_without_a_terminal_a_line_is_a_line() -> None:
    out = io.StringIO()
    line = Line(sign=Sign.ALERT, as_of=at("2028-03-24T00:00:00Z"), text="Something is missing.")
    Plain(out).show(line)
    assert out.getvalue() == "2028-03-23 20:00 EDT alert    Something is missing.\n"
