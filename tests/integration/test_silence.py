"""Identifiers planted in a full run are found in no log line, metric, refusal, health word, topic name or error."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient

from processors.events import ClaimReceived, ParticipantListed
from processors.identity import Npi
from processors.simulated_world import Timed
from processors.simulation import simulate
from schemas.codec import encode
from tests.integration.system import System, Worker, await_that
from tests.integration.test_health import address
from tests.integration.test_worker import BOOKS
from tests.making import TIN, at, claim, listed

pytestmark = pytest.mark.integration
START, END = at("2027-01-01"), at("2028-04-20")
MBI, BENE_ID = "1EG4-TE5-MK73", "-10000010254618"
WORLD = simulate(21, 12, BOOKS[2027])


def planted() -> Iterator[str]:
    """Yield everything that may tell who somebody is."""
    yield from (MBI, MBI.replace("-", ""), BENE_ID)
    for item in WORLD:
        yield item.event.tin.digits
        if isinstance(item.event, ParticipantListed):
            yield str(item.event.name)
        if isinstance(item.event, ClaimReceived):
            yield item.event.beneficiary


def disturb(system: System) -> None:
    """Send what is wrong in ways that tempt a program to print it."""
    key, name = TIN.digits.encode(), f"Ada {TIN.digits}"
    system.send_bytes("asm.claims.v1", key, f"{TIN.digits} {MBI}".encode(), END)
    system.send_bytes("asm.submissions.v1", MBI.encode(), encode(listed(event_id="x", name=name)), END)
    system.send_bytes("asm.determinations.v1", b"999999999", encode(listed(event_id="y", name=name)), END)
    wrong = replace(listed(event_id="z"), npi=Npi(TIN.digits), name=MBI)
    system.send([Timed(END, wrong), Timed(END, claim(event_id="c", beneficiary=MBI))])


def errors_of_commands(system: System) -> Iterator[str]:
    """Yield what commands say of input with identifiers in it."""
    folder = system.folder
    bad = folder / "bad.jsonl"
    bad.write_text(json.dumps({"id": TIN.digits, "type": MBI, "data": {"tin": TIN.digits, "beneficiary": MBI}}) + "\n")
    rif = folder / "bad.csv"
    rif.write_text(f"BENE_ID|CLM_ID|TAX_NUM\n{BENE_ID}|{MBI}|{TIN.digits}\n")
    roster = folder / "roster.csv"
    roster.write_text(f"NPI,ASM_COHORT\n{MBI},{TIN.digits}\n")
    tins = folder / "tins.csv"
    tins.write_text(f"npi,tin\n{MBI},{TIN.digits}\n")
    for command in (
        ("assess", str(bad)),
        ("ingest", "events", str(bad)),
        ("ingest", "rif", str(rif)),
        ("ingest", "participants", str(roster), "--tins", str(tins), "--dry-run"),
        ("missing",),
        ("dead-letters", "list"),
        ("dead-letters", "stats"),
    ):
        ran = system.run(*command, ASM_TOKEN_KEY="of a test")  # noqa: S106 - it opens nothing
        yield ran.stderr


def pages_of(programs: list[Worker]) -> Iterator[tuple[int, str, str]]:
    """Yield what each program tells on its port."""
    for number, program in enumerate(programs):
        for page in ("/metrics", "/readyz", "/healthz"):
            yield number, page, httpx.get(address(program) + page).text


def test_no_identifier_is_said_anywhere_but_where_it_belongs(system: System) -> None:
    programs = [
        system.start("worker", "--no-supervise", ASM_LOG_LEVEL="debug", ASM_HTTP_PORT="0"),
        system.start("project", ASM_LOG_LEVEL="debug", ASM_HTTP_PORT="0"),
        system.start("standings", ASM_LOG_LEVEL="debug", ASM_HTTP_PORT="0"),
    ]
    system.set_clock(START)
    system.send(WORLD)
    disturb(system)
    system.set_clock(END)
    system.await_tick(END)
    await_that(lambda: programs[1].says("projection_caught_up") > 0, 30, "the projection")
    pages = {f"{page} of program {n}": text for n, page, text in pages_of(programs)}
    programs[0].kill()
    programs.append(system.start("worker", "--no-supervise", ASM_LOG_LEVEL="debug", ASM_VINTAGE="nonsense"))
    programs.append(system.start("worker", "--no-supervise", ASM_LOG_LEVEL="debug"))
    await_that(lambda: programs[-1].says("partition_taken_over") > 0, 60, "a take-over")
    said = {f"log of program {n}": program.log.read_text() for n, program in enumerate(programs)}
    said |= pages
    said |= {f"error of command {n}": text for n, text in enumerate(errors_of_commands(system))}
    for topic in ("asm.refusals.v1", "asm.health.v1", "asm.standings.v1", "asm.operations.v1"):
        said |= {f"{topic} {r.partition}/{r.offset}": str(r.value) for r in system.read(topic)}
    admin = KafkaAdminClient(bootstrap_servers=system.connection.bootstrap)
    said["names of topics and groups"] = str([*admin.list_topics(), *admin.list_groups()])
    admin.close()
    said["doctor"] = system.run("doctor", "--json").stdout
    secrets = set(planted()) - {"None"}
    assert len(secrets) > 30
    assert {where: found for where, text in said.items() if (found := [s for s in secrets if s in text])} == {}
    npis = {t.event.npi for t in WORLD if isinstance(t.event, ParticipantListed)}  # a feed's event id may hold one
    logs = {where: text for where, text in said.items() if where.startswith(("log", "error", "names", "/", "doctor"))}
    assert {where: found for where, text in logs.items() if (found := [n for n in npis if n in text])} == {}
    assert len(system.read("asm.refusals.v1")) >= 5
    assert all(text.count("\nasm_") > 10 for where, text in pages.items() if where.startswith("/metrics of program 0"))
    assert Path(programs[0].log).stat().st_size > 1000
