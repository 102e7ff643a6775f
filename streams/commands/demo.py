"""``asm demo``: a simulated performance year on a real Kafka, from January to past the deadline, in a minute or so."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaProducer
from sqlalchemy import func
from sqlmodel import Session, col, select

from infra.database.questions import missing, refusals_by_reason
from infra.database.tables import Finding, Obligation, ObligationHistory, Score
from infra.settings import Settings
from processors.events import Event
from processors.rulebook import Rulebook
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import encode
from schemas.records import ClockSet
from streams.admission import milliseconds
from streams.clock import CLOCK_TOPIC
from streams.commands.demo_recalculation import recalculate
from streams.commands.missing import show_board
from streams.commands.simulate import rulebook_of
from streams.commands.terminal import ERR, OUT, table
from streams.deployment import Deployment
from streams.feeding import KafkaFeed
from streams.wording import ESTIMATE, points, show_instant

HELP = """Play a performance year of practices that do not exist, on a real Kafka, in under two minutes.

It starts a broker, a worker and a projector of its own, sends the events of a simulated year with the clock moving past
the deadline, shows what is said on the way, recalculates the year under a corrected benchmark and goes back, and ends
all that it started. The SQL view stays for you to ask."""
_BOARD_ROWS = 8
_BOARD_STAGES = frozenset({"T_7", "PAST"})
_DATABASE = Path("asm-demo.db")


def demo(
    clinicians: Annotated[int, typer.Option(min=1, help="How many clinicians.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same year.")] = 1,
    year: Annotated[int | None, typer.Option(help="Performance year; none: the rulebook's first.")] = None,
    database: Annotated[Path, typer.Option(help="SQLite file of the SQL view; it is made anew.")] = _DATABASE,
) -> None:
    """Play a year."""
    settings = Settings()
    rulebook = rulebook_of(year, settings)
    deployment = Deployment(settings, database.absolute())
    try:
        deployment.open(OUT.print)
        world = simulate(seed, clinicians, rulebook)
        OUT.print(f"{len(world)} events of {clinicians} clinicians who do not exist (seed {seed}).\n")
        _Play(deployment, rulebook).run(world)
        with deployment.session() as session:
            _tell_of_an_alert(session)
            _tell_of_scores(session)
            _tell_what_was_wrong(session)
        recalculate(deployment, rulebook)
    finally:
        ERR.print("Stopping what was started ...", style="dim")
        deployment.close()
    _tell_what_to_try(deployment.database)


class _Play:
    """Sends the events of a world with the clock moving, and shows what the SQL view says at each stop."""

    def __init__(self, deployment: Deployment, rulebook: Rulebook) -> None:
        self._deployment = deployment
        self._rulebook = rulebook
        self._feed = KafkaFeed(deployment.connection)
        self._clock = KafkaProducer(**deployment.connection.kafka_python(), acks="all")
        self._sent = 0

    def run(self, world: Sequence[Timed[Event]]) -> None:
        """Play the world to its end."""
        OUT.print(
            f"{'clock':<22}{'events':>8}{'mean final':>12}{'if receipted':>14}{'can reach':>11}"
            f"{'met':>7}{'alerts':>8}{'missed':>8}",
            style="bold",
        )
        left = iter(world)
        coming = next(left, None)
        boards = {stage.stage: stage.at for stage in self._rulebook.submission.stages if stage.stage in _BOARD_STAGES}
        for instant in _stops(self._rulebook):
            while coming is not None and coming.received_at < instant:
                self._feed.send(coming.event, coming.received_at)
                self._sent += 1
                coming = next(left, None)
            self._tick(instant)
            with self._deployment.session() as session:
                OUT.print(_line(session, instant, self._sent))
                if instant in boards.values():
                    found = [m for m in missing(session, None, None, None) if m.obligation.alert == "FIRING"]
                    show_board(found, _BOARD_ROWS, instant, "Missing submissions that alert")
        self._clock.close()
        self._feed.close()

    def _tick(self, instant: datetime) -> None:
        self._feed.flush()
        topic = self._deployment.names.of(CLOCK_TOPIC)
        self._clock.send(topic, value=encode(ClockSet(instant=instant)), timestamp_ms=milliseconds(instant))
        self._clock.flush()
        self._deployment.await_tick(instant)


def _stops(rulebook: Rulebook) -> Iterator[datetime]:
    """Yield the instants at which the clock stops: each month, then each stage of the approach, then after it."""
    start = datetime.combine(rulebook.terms.year_start, time(), tzinfo=UTC)
    stages = sorted(stage.at for stage in rulebook.submission.stages)
    month = start
    while (month := (month + timedelta(days=32)).replace(day=1)) < stages[0]:
        yield month
    yield from stages
    yield rulebook.submission.due_instant + timedelta(days=14)


def _line(session: Session, instant: datetime, sent: int) -> str:
    means = session.exec(
        select(func.avg(Score.final_score), func.avg(Score.prepared_score), func.avg(Score.highest_reachable))
    ).one()
    met, firing, missed = (
        session.exec(select(func.count()).select_from(Obligation).where(wanted)).one()
        for wanted in (Obligation.status == "MET", Obligation.alert == "FIRING", Obligation.status == "MISSED")
    )
    final, prepared, highest = (points(mean) for mean in means)
    return f"{show_instant(instant):<22}{sent:>8}{final:>12}{prepared:>14}{highest:>11}{met:>7}{firing:>8}{missed:>8}"


def _tell_of_an_alert(session: Session) -> None:
    """Show one obligation whose alert fired and resolved, state by state."""
    wanted = select(Obligation).where(Obligation.alert == "RESOLVED", Obligation.status == "MET")
    chosen = session.exec(
        wanted.order_by(col(Obligation.points_at_stake).desc(), col(Obligation.obligation_id))
    ).first()
    if chosen is None:
        return
    history = session.exec(
        select(ObligationHistory)
        .where(ObligationHistory.obligation_id == chosen.obligation_id)
        .order_by(col(ObligationHistory.revision))
    ).all()
    rows = (
        (show_instant(h.as_of), h.status, h.stage, h.alert, points(h.points_at_stake), h.cause_type) for h in history
    )
    OUT.print()
    title = f"An alert that fired and resolved: {chosen.item} {chosen.title}"
    OUT.print(table(title, ("said as of", "status", "stage", "alert", "at stake", "because of"), rows))


def _tell_of_scores(session: Session) -> None:
    """Show what the year came to."""
    scores = session.exec(select(Score).order_by(col(Score.final_score).desc(), col(Score.npi))).all()
    spread = [scores[place] for place in sorted({0, len(scores) // 4, len(scores) // 2, len(scores) - 1})]
    rows = (
        (s.npi, s.name, s.practice_alias, points(s.final_score), points(s.highest_reachable), s.standing)
        for s in spread
    )
    OUT.print(
        table(
            "Best, upper quarter, median and worst",
            ("NPI", "name", "practice", "final", "can still reach", "standing"),
            rows,
        )
    )


def _tell_what_was_wrong(session: Session) -> None:
    """Show refusals and findings with their reasons."""
    refused = [("refused", reason, count, detail) for reason, count, detail in refusals_by_reason(session)]
    count = func.count()
    wanted = select(Finding.code, count, func.min(Finding.message)).where(Finding.state == "OPEN")
    found = session.exec(wanted.group_by(col(Finding.code)).order_by(count.desc(), col(Finding.code))).all()
    rows = [*refused, *(("finding", code, number, message) for code, number, message in found)]
    OUT.print(
        table(
            "What was refused, and what was found wrong (docs/reasons.md)", ("", "code", "count", "for example"), rows
        )
    )


def _tell_what_to_try(database: Path) -> None:
    path = "" if shutil.which("asm") else f" PATH={Path(sys.executable).parent}:$PATH"
    OUT.print(
        f"""
The SQL view stays in {database.name}. Ask it:

  export ASM_DATABASE_URL=sqlite:///{database} ASM_CLOCK=events{path}
  asm missing --limit 10                    what was never submitted, and what it costs
  asm status NPI                            one clinician: every point with its reason (an NPI from the table above)
  asm simulate --clinicians 3 > year.jsonl  events to play with, then:
  asm assess year.jsonl                     the same scoring without any server

{ESTIMATE}""",
        markup=False,
    )
