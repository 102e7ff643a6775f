"""The console on a real Kafka and in a real browser: sign-in, board, clinician, keyboard, light and dark, a phone."""

import re
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from sqlalchemy import Engine
from sqlmodel import Session, select

from infra.database.tables import Obligation, ReadPosition, Score
from infra.kafka.topics import admin
from schemas.codec import decode
from schemas.records import OperationRecorded
from streams.console import events
from tests.integration.system import System, await_that
from tests.simulated_view import simulated_view
from tests.streams.console.serving import Made, made_on, opened, person, served

pytestmark = pytest.mark.integration
CHROMIUM = Path("/usr/bin/chromium")
in_a_browser = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="Debian's Chromium is not installed: apt-get install chromium"
)
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A view of sixty clinicians, a week before the deadline."""
    engine = opened(tmp_path_factory.mktemp("view") / "view.db")
    simulated_view(engine, 60)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def made(view: Engine) -> Made:
    """A console for an operator and for somebody with a scope."""
    return made_on(view, person("operator"), person("ana", "prairie-spine-3"))


@pytest.fixture(scope="module")
def address(made: Made) -> Iterator[str]:
    """Where it is served."""
    before, events.POLL_SECONDS = events.POLL_SECONDS, 0.2
    with served(made.console) as url:
        yield url
    events.POLL_SECONDS = before


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


def page_of(browser: Browser, made: Made, address: str, **how: Any) -> Iterator[Page]:
    """A signed-in page on which nothing goes wrong unseen."""
    context: BrowserContext = browser.new_context(**({"viewport": DESKTOP} | how))
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{address}/sign-in")
    page.get_by_label("Token").fill(made.tokens["operator"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Missing submissions")
    yield page
    context.close()
    assert said == []


@pytest.fixture
def page(browser: Browser, made: Made, address: str) -> Iterator[Page]:
    yield from page_of(browser, made, address)


@pytest.fixture
def phone(browser: Browser, made: Made, address: str) -> Iterator[Page]:
    yield from page_of(browser, made, address, viewport=PHONE, is_mobile=True, has_touch=True)


def pages(view: Engine) -> list[str]:
    """An address of each kind of page."""
    with Session(view) as session:
        npi = session.exec(select(Score.npi).where(Score.practice_alias == "prairie-spine-3")).all()[0]
    return [
        "/",
        "/practices",
        "/practices/prairie-spine-3",
        f"/clinicians/{npi}",
        "/cohorts",
        "/feeds",
        "/health",
        "/api",
    ]


@in_a_browser
def test_the_link_signs_in_and_its_ticket_leaves_the_address(browser: Browser, view: Engine) -> None:
    made = made_on(view)
    with served(made.console) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}/")
        expect(page).to_have_url(f"{address}/sign-in")
        page.goto(f"{address}/sign-in?ticket={made.tickets['operator']}")
        expect(page).to_have_url(f"{address}/")
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{address}/sign-in")
        context.close()


@in_a_browser
def test_the_board_is_filtered_and_leads_to_a_clinician_with_reasons(page: Page) -> None:
    before = page.locator("tbody tr").count()
    page.get_by_label("Cohort").select_option("LOW_BACK_PAIN")
    page.get_by_label("Clinician or practice").fill("Prairie Spine 3")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"who=Prairie\+Spine\+3&cohort=LOW_BACK_PAIN"))
    rows = page.locator("tbody tr")
    assert 0 < rows.count() < before
    assert all("Prairie Spine 3 PLLC" in text for text in rows.all_inner_texts())
    name = rows.first.get_by_role("link").first.inner_text()
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("heading", name="Why the score is what it is")).to_be_visible()
    expect(page.locator(".standing.weak").first).to_have_text(re.compile("assumed|analog"))
    page.get_by_text(re.compile("Each of .* changes with its cause")).click()
    expect(page.get_by_role("columnheader", name="Because of")).to_be_visible()


@in_a_browser
def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Clinician or practice")).to_be_focused()
    seen = set()
    for _ in range(12):
        shown = page.evaluate(
            "(() => { const at = document.activeElement, how = getComputedStyle(at);"
            " return [at.tagName, how.outlineStyle, parseFloat(how.outlineWidth)]; })()"
        )
        assert shown[1:] == ["solid", 3], shown
        seen.add(shown[0])
        page.keyboard.press("Tab")
    assert {"INPUT", "SELECT", "BUTTON", "A"} <= seen


@in_a_browser
def test_light_and_dark_follow_the_reader(page: Page) -> None:
    told = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        told[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert told == {"light": "rgb(247, 247, 245)", "dark": "rgb(18, 21, 24)"}


@in_a_browser
def test_a_phone_shows_every_page_without_scrolling_sideways(phone: Page, view: Engine, address: str) -> None:
    wide = {}
    for path in pages(view):
        phone.goto(address + path)
        wide[path] = phone.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide == dict.fromkeys(pages(view), 0)
    phone.goto(address)
    expect(phone.get_by_role("row").nth(1)).to_be_visible()
    assert phone.get_by_role("cell").count() == 6 * (phone.get_by_role("row").count() - 1)


@in_a_browser
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE)],
    ids=["desktop-light", "desktop-dark", "phone-light"],
)
def test_axe_finds_nothing(
    page: Page, view: Engine, address: str, *, scheme: Literal["light", "dark"], size: ViewportSize
) -> None:
    found: dict[str, list[str]] = {}
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    for path in pages(view):
        page.goto(address + path)
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        told = Axe().run(page).response["violations"]
        found[path] = [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:120]}" for v in told]
    assert {path: told for path, told in found.items() if told} == {}


@in_a_browser
def test_a_page_reads_itself_anew_when_something_newer_is_there(page: Page, view: Engine) -> None:
    expect(page.locator("#live")).to_have_text("Live.")
    open_items = page.locator(".facts dd").first
    before = int(open_items.inner_text())
    with Session(view) as session:
        settled = session.exec(select(Obligation).where(Obligation.status == "OPEN")).all()[0]
        position = session.exec(select(ReadPosition)).one()
        settled.status = "MET"
        position.next_offset += 1
        session.commit()
        expect(open_items).to_have_text(str(before - 1), timeout=20_000)
        expect(page.locator("#live")).to_have_text(re.compile("Updated at"))
        assert page.locator("tbody tr").count() == 50
        settled.status = "OPEN"
        session.commit()


def test_the_command_serves_this_machine_and_records_each_read_on_kafka(system: System) -> None:
    engine = opened(system.folder / "asm.db")
    simulated_view(engine, 12)
    with Session(engine) as session:
        score = session.exec(select(Score)).all()[0]
        npi, alias = score.npi, score.practice_alias
    engine.dispose()
    scopes = system.folder / "scopes.toml"
    digest = sha256(b"the token of ana").hexdigest()
    scopes.write_text(f'[[person]]\nname = "ana"\npractices = ["{alias}"]\ntoken_sha256 = "{digest}"\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    console = system.start("console", "--port", str(port), "--scopes", str(scopes))
    await_that(lambda: console.says("console_started") == 1, 60, "the console has started")
    headers = {"authorization": "Bearer the token of ana"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        await_that(lambda: is_there(client), 30, "the console answers")
        assert client.get(f"/api/v1/clinicians/{npi}").status_code == 200
        (written,) = system.read("asm.operations.v1")
        record: OperationRecorded = decode(written.value)
        told = (record.actor, record.command, record.scope, record.reason, record.items)
        assert told == ("ana", "console api clinician", f"practices {alias}", "latest year", (npi,))
        link = re.findall(r"/sign-in\?ticket=\S+", console.log.read_text())
        assert [client.get(path).status_code for path in link] == [303]
        with admin(system.connection) as kafka:
            kafka.delete_topics([system.names.of("asm.operations.v1")])
        refused = client.get(f"/api/v1/clinicians/{npi}")
        assert (refused.status_code, npi in refused.text) == (503, False)
    log = console.log.read_text()
    assert (log.count("ticket="), log.count("the token of ana"), log.count(npi)) == (1, 0, 0)
    assert console.stop() == 0


def is_there(client: httpx.Client) -> bool:
    """Whether a server answers."""
    try:
        return client.get("/sign-in").status_code == 200
    except httpx.ConnectError:
        return False
