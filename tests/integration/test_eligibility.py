"""``asm explain eligibility``: what was counted in the practice's own claims, beside what CMS's roster says."""

import json
from dataclasses import replace
from datetime import date

import pytest

from processors.events import ClaimLine
from processors.simulated_world import Timed
from tests.integration.system import System
from tests.making import NPI, TIN, at, claim, listed

pytestmark = pytest.mark.integration
NOW = at("2028-02-01")


def test_the_page_names_what_was_counted_and_where_the_roster_disagrees(system: System) -> None:
    system.worker()
    system.send(
        [Timed(at("2027-01-05"), listed(event_id="l1", practice_alias="north", specialty="06", episode_count=23))]
    )
    for month in (3, 4):
        line = ClaimLine(line_number=1, service_date=date(2025, month, 1), npi=NPI, hcpcs="99214", specialty="06")
        visit = replace(claim(claim_id=f"C{month}", lines=(line,)), event_id=f"v{month}")
        system.send([Timed(at("2027-02-01"), visit)])
    system.set_clock(NOW)
    system.await_tick(NOW)
    assert system.run("project", "--once").returncode == 0
    told = system.run("explain", "eligibility", "north", "--json")
    assert told.returncode == 0, told.stderr
    (report,) = json.loads(told.stdout)
    criteria = {c["name"]: (c["counted"], c["met"], c["roster"], c["disagrees"]) for c in report["criteria"]}
    assert criteria == {
        "BILLING": ("2 lines for the model's conditions", True, None, False),
        "SPECIALTY": ("06 × 2", True, "06", False),
        "EPISODES": ("1", False, "23", True),
        "PLACE": ("none named", None, None, False),
    }
    assert [(e["opened_by"], e["confirmed_by"], e["services"]) for e in report["episodes"]] == [("v3", "v4", 2)]
    assert (report["data_year"], report["by_claims"], report["by_roster"], report["disagrees"]) == (
        2025,
        False,
        True,
        True,
    )
    page = system.run("explain", "eligibility", NPI)
    assert (page.returncode, "disagree" in page.stdout, TIN.digits in page.stdout) == (0, True, False)
