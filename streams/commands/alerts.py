"""``asm alerts``: what alerts, who takes care of it, and telling whoever must know."""

import getpass
import signal
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from infra.database.board import Missing
from infra.database.questions import acknowledgements, open_alerts
from infra.database.sentences import sentence_of
from infra.database.tables import Acknowledgement
from infra.errors import Unavailable
from infra.kafka.connection import connect
from infra.kafka.topics import topic_names
from infra.kafka.writing import deliver_one
from infra.log import configure_logging
from infra.settings import Settings
from schemas.codec import encode
from schemas.records import AlertAcknowledged
from streams.alertmanager import Alertmanager
from streams.answers import plain, present
from streams.commands.terminal import OUT, REFUSED, Json, complain, parse_instant, print_json, table
from streams.commands.view import projection
from streams.dead_letters import OPERATIONS
from streams.delivery import Deliverer, Pace
from streams.receivers import Receiver, Webhook
from streams.supervisor import stop_with_supervisor
from streams.wording import ESTIMATE, show_instant, stake

app = typer.Typer(
    no_args_is_help=True,
    help="Alerts: which are open, who takes care of them, and telling whoever can still send what is missing.",
)


class Kind(StrEnum):
    """What is spoken with a receiver."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


@app.command(name="list")
def list_alerts(
    cohort: Annotated[str | None, typer.Option(help="Only this cohort.")] = None,
    practice: Annotated[str | None, typer.Option(help="Only this practice, by its alias.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage, such as T_14.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of the table (JSON has all).")] = 40,
    json: Json = False,
) -> None:
    """List the alerts that are open, soonest due and costliest first, with who takes care of which."""
    settings = Settings()
    with projection(settings) as session:
        now = present(session, settings)
        cares = acknowledgements(session, now)
        found = [
            m
            for m in open_alerts(session, cohort)
            if practice in {None, m.practice_alias} and stage in {None, m.obligation.stage}
        ]
        if json:
            alerts = [_document(m, cares.get(m.obligation.alert_id), now) for m in found]
            print_json({"as_of": now, "alerts": alerts})
            return
        rows = [_row(m, cares.get(m.obligation.alert_id), now) for m in found[:limit]]
        columns = ("alert", "stage", "due", "at stake", "who, what is missing, what next", "taken care of")
        OUT.print(table(f"{len(found)} open alerts as of {show_instant(now)}", columns, rows))
        if len(found) > limit:
            OUT.print(f"… and {len(found) - limit} more (--limit, or --json for all)")
        OUT.print(ESTIMATE, style="dim")


@app.command()
def ack(
    alert: Annotated[str, typer.Argument(help="The alert, as `list` names it.")],
    until: Annotated[str, typer.Option(help="Nobody is told again until this instant; then it ends by itself.")],
    reason: Annotated[str, typer.Option(help="Why, for the record on asm.operations.v1.")],
    by: Annotated[str | None, typer.Option(help="Who takes care of it; none: the user who is logged in.")] = None,
) -> None:
    """Take care of an alert: nobody is told of it again until an instant, only that it is resolved."""
    settings = Settings()
    with projection(settings) as session:
        now = present(session, settings)
        known = {m.obligation.alert_id for m in open_alerts(session, None)}
    ends = parse_instant(until)
    if ends <= now:
        raise typer.BadParameter(f"{until} has passed", param_hint="--until")
    if alert not in known:
        complain(f"No open alert is {alert}: `asm alerts list` names them.")
        raise typer.Exit(REFUSED)
    care = AlertAcknowledged(
        alert_id=alert, until=ends, by=by or getpass.getuser(), reason=reason, instant=datetime.now(UTC)
    )
    deliver_one(connect(settings), topic_names(settings).of(OPERATIONS), encode(care))
    OUT.print(f"Nobody is told of {alert} again until {show_instant(ends)}.")


@app.command()
def deliver(
    to: Annotated[Kind, typer.Option("--to", help="What the receiver speaks.")],
    url: Annotated[str | None, typer.Argument(help="Its address; none: ASM_ALERTS_URL, which no list shows.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Name of this way of telling, which remembers what it told; none: its kind.")
    ] = None,
    link: Annotated[str, typer.Option(help="Address of the console, put into every alert.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Tell what is due now, then end.")] = False,
    supervised: Annotated[bool, typer.Option(hidden=True, help="End with whoever started it.")] = False,
) -> None:
    """Tell a receiver of each alert once at each stage, in digests, and when it is resolved.

    To Alertmanager (its base address) each alert goes by itself with the labels practice and stage; group by them. A
    webhook gets Alertmanager's payload, version 4; Apprise sends mail, chat or SMS. Run one process a channel.
    """
    settings = Settings()
    configure_logging(settings)
    heartbeat = timedelta(seconds=settings.heartbeat_seconds)
    pace = Pace(wait=timedelta(seconds=settings.alerts_wait_seconds), heartbeat=heartbeat or None)
    name = channel or to.value
    receiver = _receiver(to, _address(url, settings), (name, link), settings)
    telling = Deliverer(connect(settings), name, receiver, pace)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(telling, "stopping", True))
    if supervised:
        stop_with_supervisor()
    telling.run(once=once)
    if once:
        complain(f"{telling.told} notices told.")


def _address(url: str | None, settings: Settings) -> str:
    if url is not None:
        return url
    if settings.alerts_url is None:
        raise typer.BadParameter("give an address, or set ASM_ALERTS_URL", param_hint="URL")
    return settings.alerts_url.get_secret_value()


def _receiver(kind: Kind, url: str, named: tuple[str, str], settings: Settings) -> Receiver:
    channel, link = named
    if kind is Kind.APPRISE:
        from streams.apprise_receiver import AppriseReceiver  # noqa: PLC0415 - half a second of every other command

        return AppriseReceiver(url)
    if not url.startswith(("http://", "https://")):
        raise Unavailable("The receiver's address is not one of HTTP: http://HOST:PORT/PATH or https://…")
    if kind is Kind.WEBHOOK:
        return Webhook(channel, url, link)
    repost = timedelta(seconds=settings.alerts_repost_seconds)
    heartbeat = timedelta(seconds=settings.heartbeat_seconds)
    return Alertmanager(channel, url, link, repost=repost, heartbeat=heartbeat)


def _row(m: Missing, care: Acknowledgement | None, now: datetime) -> tuple[object, ...]:
    o = m.obligation
    taken = None if care is None else f"{care.by} until {show_instant(care.until)}: {care.reason}"
    at_stake = stake(o.points_at_stake, o.cliff)
    return o.alert_id, o.stage, show_instant(o.due_at), at_stake, sentence_of(m, now), taken


def _document(m: Missing, care: Acknowledgement | None, now: datetime) -> dict[str, Any]:
    names = {"name": m.name, "organization": m.organization, "practice_alias": m.practice_alias, "cohort": m.cohort}
    taken = None if care is None else care.model_dump()
    return plain(m.obligation) | names | {"sentence": sentence_of(m, now), "acknowledgement": taken}
