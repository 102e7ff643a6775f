"""What is to be told: each alert once at each stage, in digests, whatever was lost or repeated on the way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from processors.outputs import Alert, ObligationChanged
from schemas.codec import decode, encode
from schemas.glances import RosterGlance, glance_at_obligation, glance_at_roster
from schemas.records import AlertAcknowledged, NoticeRecorded, NoticeState
from streams.notices import Board, Roster
from tests.infra.test_database import SAID
from tests.making import NPI, OTHER_NPI, TIN, YEAR, at

NOW, WALL = at("2028-03-02"), at("2026-11-25")
FIRED = next(o for o in SAID if isinstance(o, ObligationChanged) and (o.item, o.stage) == ("005", "T_30"))
ROSTER = RosterGlance(
    tin=TIN.digits,
    npi=NPI,
    performance_year=YEAR,
    cohort="HEART_FAILURE",
    name="Ada Ny",
    organization="North",
    practice_alias="north",
)
WORDS = (
    f"Ada Ny, NPI {NPI}, North (north): Measure 005: ACE inhibitor, ARB or ARNI therapy for LVSD is not submitted. "
    "10 points at stake for 1 clinician; 30 days left. Report it, and have it receipted before the deadline."
)


def alert(number: int = 1, stage: str = "T_30", state: Alert = Alert.FIRING) -> ObligationChanged:
    return replace(FIRED, obligation_id=f"o{number}", alert_id=f"a{number}", stage=stage, alert=state)


def board(*told: NoticeRecorded, channel: str = "webhook") -> Board:
    roster = Roster()
    roster.take(ROSTER)
    made = Board(channel, roster)
    for notice in told:
        made.remember(notice)
    return made


def take(made: Board, *said: ObligationChanged) -> None:
    for output in said:
        made.take(output, output.as_of)


def due(made: Board, now: datetime = NOW) -> list[tuple[str, str, str, list[str]]]:
    return [(*group, [a.alert_id for a in alarms]) for group, alarms in made.due(now).items()]


def prepare(made: Board, now: datetime = NOW) -> list[NoticeRecorded]:
    return [made.notice(group, alarms, now, WALL) for group, alarms in made.due(now).items()]


def tell(made: Board, now: datetime = NOW) -> list[NoticeRecorded]:
    """Tell all that is due; return what stands on the topic then."""
    log = []
    for notice in prepare(made, now):
        log += [notice, replace(notice, state=NoticeState.TOLD, alerts=())]
    for record in log:
        made.remember(record)
    return log


def again(log: Sequence[NoticeRecorded], *said: ObligationChanged) -> Board:
    """A board made anew from the topics, as after a restart."""
    made = board(*[decode(encode(record)) for record in log])
    take(made, *said)
    return made


def test_the_alerts_of_a_practice_at_a_stage_are_one_digest_with_their_sentences() -> None:
    made = board()
    take(made, alert(1), alert(2), alert(3, "T_14"))
    assert due(made) == [("north", "T_14", "FIRING", ["a3"]), ("north", "T_30", "FIRING", ["a1", "a2"])]
    digest = prepare(made)[1]
    assert (digest.channel, digest.state, digest.practice, digest.stage, digest.alert, digest.instant) == (
        "webhook",
        NoticeState.PREPARED,
        "north",
        "T_30",
        Alert.FIRING,
        WALL,
    )
    line = digest.alerts[0]
    assert (line.alert_id, line.since, line.before, line.labels, line.sentence) == (
        "a1",
        FIRED.as_of,
        None,
        {
            "alertname": "AsmSubmissionMissing",
            "alert_id": "a1",
            "category": "QUALITY",
            "item": "005",
            "performance_year": "2027",
            "practice": "north",
            "stage": "T_30",
        },
        WORDS,
    )


def test_the_costliest_of_a_digest_stands_first() -> None:
    made = board()
    take(made, *(replace(alert(n), points_at_stake=Decimal(cost)) for n, cost in enumerate((5, 7, 7, 6))))
    assert [line.alert_id for line in prepare(made)[0].alerts] == ["a1", "a2", "a3", "a0"]


def test_an_alert_is_told_once_at_each_stage_and_once_when_it_is_resolved() -> None:
    made, log, told = board(), [], []
    for said in (alert(), alert(), alert(stage="T_14"), alert(stage="T_14"), alert(stage="T_30")):
        take(made, said)
        told += due(made)
        log += tell(made)
    for _ in range(2):
        take(made, alert(stage="T_7", state=Alert.RESOLVED))
        told += due(made)
        log += tell(made)
        assert due(made) == []
    assert told == [
        ("north", "T_30", "FIRING", ["a1"]),
        ("north", "T_14", "FIRING", ["a1"]),
        ("north", "T_14", "RESOLVED", ["a1"]),
    ]
    assert [line.before for n in log for line in n.alerts] == [None, "T_30", None]
    assert [line.labels["stage"] for n in log for line in n.alerts] == ["T_30", "T_14", "T_14"]
    assert due(again(log, alert(stage="T_7", state=Alert.RESOLVED))) == []


def test_after_a_restart_only_what_was_not_told_is_due() -> None:
    made = board()
    take(made, alert(1), alert(2))
    log = tell(made)
    assert due(again(log, alert(1), alert(2, "T_14"), alert(3))) == [
        ("north", "T_14", "FIRING", ["a2"]),
        ("north", "T_30", "FIRING", ["a3"]),
    ]
    assert due(again(log, alert(1, state=Alert.RESOLVED), alert(2))) == [("north", "T_30", "RESOLVED", ["a1"])]


def test_what_was_over_before_anybody_was_told_is_not_told() -> None:
    made = board()
    take(made, alert(1), alert(1, state=Alert.RESOLVED))
    assert due(made) == []


def test_a_notice_of_which_nobody_knows_whether_it_came_is_told_again_as_it_was() -> None:
    made = board()
    take(made, alert(1))
    (notice,) = prepare(made)
    after = again([notice], alert(1, "T_14"), alert(2))
    assert after.unsettled() == notice
    after.remember(replace(notice, state=NoticeState.TOLD, alerts=()))
    assert (after.unsettled(), [g[:2] for g in due(after)]) == (None, [("north", "T_14"), ("north", "T_30")])


def test_what_was_resolved_while_nobody_knew_whether_it_was_told_is_told_as_resolved() -> None:
    made = board()
    take(made, alert(1))
    (notice,) = prepare(made)
    after = again([notice], alert(1, state=Alert.RESOLVED))
    assert due(after) == []
    after.remember(replace(notice, state=NoticeState.TOLD, alerts=()))
    assert due(after) == [("north", "T_30", "RESOLVED", ["a1"])]
    surely_not = again([notice, replace(notice, state=NoticeState.NOT_TOLD, alerts=())], alert(1, state=Alert.RESOLVED))
    assert (surely_not.unsettled(), due(surely_not)) == (None, [])


def test_a_notice_has_the_same_id_for_the_same_alerts_and_another_for_others() -> None:
    first, second, more, elsewhere = board(), board(), board(), board(channel="apprise")
    for made in (first, second, elsewhere):
        take(made, alert(1), alert(2))
    take(more, alert(1), alert(2), alert(3))
    ids = [
        prepare(made, NOW + timedelta(days=n))[0].notice_id for n, made in enumerate((first, second, more, elsewhere))
    ]
    assert (ids[0] == ids[1], len(set(ids))) == (True, 3)


def test_what_was_told_through_one_channel_is_still_due_through_another() -> None:
    made = board()
    take(made, alert(1))
    other = board(*tell(made), channel="apprise")
    take(other, alert(1))
    assert (due(made), due(other)) == ([], [("north", "T_30", "FIRING", ["a1"])])


def care(until: datetime) -> AlertAcknowledged:
    return AlertAcknowledged(alert_id="a1", until=until, by="R. Moss", reason="Monday", instant=WALL)


def test_an_acknowledged_alert_is_not_told_until_that_ends_by_itself() -> None:
    made, later = board(), NOW + timedelta(days=3)
    take(made, alert(1))
    tell(made)
    made.acknowledge(care(later))
    take(made, alert(1, "T_14"))
    assert (due(made), made.cared_for(NOW), made.cared_for(later)) == ([], [care(later)], [])
    assert due(made, later) == [("north", "T_14", "FIRING", ["a1"])]


def test_of_what_fires_with_a_hushed_recalculation_nobody_is_told_until_its_next_stage() -> None:
    cause = replace(FIRED.cause, type="RECALCULATION", event_id="R1 old new")
    made = board()
    made.hush("R1")
    take(made, replace(alert(1), cause=cause), replace(alert(2), cause=replace(cause, event_id="R2 old new")))
    assert due(made) == [("north", "T_30", "FIRING", ["a2"])]
    take(made, alert(1, "T_14"))
    assert due(made) == [("north", "T_14", "FIRING", ["a1"]), ("north", "T_30", "FIRING", ["a2"])]


def test_what_a_hushed_recalculation_resolves_is_told() -> None:
    made = board()
    take(made, alert(1))
    tell(made)
    made.hush("R1")
    cause = replace(FIRED.cause, type="RECALCULATION", event_id="R1 old new")
    take(made, replace(alert(1, state=Alert.RESOLVED), cause=cause))
    assert due(made) == [("north", "T_30", "RESOLVED", ["a1"])]


def test_that_an_acknowledged_alert_is_resolved_is_told() -> None:
    made = board()
    take(made, alert(1))
    tell(made)
    made.acknowledge(care(at("2028-04-01")))
    take(made, alert(1, state=Alert.RESOLVED))
    assert due(made) == [("north", "T_30", "RESOLVED", ["a1"])]


def test_what_fires_and_was_told_is_active_with_the_sentence_of_now() -> None:
    made = board()
    take(made, alert(1), alert(2))
    tell(made)
    take(made, alert(2, state=Alert.RESOLVED), alert(3))
    (line,) = made.active(NOW + timedelta(days=2))
    assert (line.alert_id, line.labels["stage"], " 28 days left. " in line.sentence) == ("a1", "T_30", True)
    assert made.firing == 2


@pytest.mark.parametrize(("alias", "name"), [("north", "north"), (None, f"npi-{NPI}")])
def test_a_practice_is_named_by_its_alias_or_its_least_npi_and_never_by_its_tin(alias: str | None, name: str) -> None:
    roster = Roster()
    made = Board("webhook", roster)
    take(made, alert(1))
    assert due(made) == []
    for npi in (NPI, OTHER_NPI):
        roster.take(replace(ROSTER, npi=npi, practice_alias=alias))
    assert [group[0] for group in due(made)] == [name]
    assert TIN.digits not in str(prepare(made))
    assert roster.participants == 2


def test_a_glance_sees_what_the_whole_output_says() -> None:
    score = next(o for o in SAID if not isinstance(o, ObligationChanged) and hasattr(o, "tree"))
    obligation, roster = glance_at_obligation(encode(FIRED)), glance_at_roster(encode(score))
    assert {n: getattr(FIRED, n) for n in obligation.__slots__} == {
        n: getattr(obligation, n) for n in obligation.__slots__
    }
    assert (roster.tin, roster.npi, roster.name, roster.practice_alias) == (TIN.digits, NPI, "Ada Ny", "northside")
