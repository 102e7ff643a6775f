"""The notice of an error: what opens when CMS's result is preliminary, and closes when it is settled.

The paragraph that sets the window (42 CFR 512.755) is not known yet: without a number of days in the rulebook the item
has no due date, and says so.
"""

from collections.abc import Iterator
from datetime import timedelta

from processors.determinations import Determinations
from processors.facts import ClinicianFacts
from processors.progress import Item, Progress
from processors.rulebook import Rulebook
from processors.vocabulary import ResultStatus

NOTICE, ERROR_NOTICE = "NOTICE", "ERROR_NOTICE"


def error_notice(
    facts: ClinicianFacts, determinations: Determinations, rulebook: Rulebook
) -> Iterator[tuple[Item, Progress]]:
    """Yield the notice that a clinician may give of an error in CMS's preliminary results, if there ever were any."""
    if all(told.event.status is not ResultStatus.PRELIMINARY for told in facts.results):
        return
    preliminary = [part for part in determinations.parts() if part.status is ResultStatus.PRELIMINARY]
    open_since = min((part.told.received_at for part in preliminary), default=None)
    days = rulebook.compliance.error_notice_days
    source = rulebook.compliance.sources["error_notice_days"]
    item = Item(
        tin=facts.tin,
        npi=facts.npi,
        category=NOTICE,
        item=ERROR_NOTICE,
        title="Notice of an error in CMS's preliminary result",
        cites=source.cites,
        standing=source.standing,
        by_deadline=False,
        due_at=open_since + timedelta(days=days[0]) if open_since is not None and days else None,
        to_do="Compare CMS's preliminary result with this score, and tell CMS in time where it is wrong.",
    )
    yield item, Progress(needs_nothing=open_since is None)
