"""The readiness checklist: what a practice should have done before it can report, ticked by what it says itself.

Nothing of it carries points or has a due date; it gives a practice its board in the year before and in the first
months.
"""

from collections.abc import Iterable, Iterator, Mapping

from processors.events import Observed, ReadinessReported
from processors.findings import Finding, finding
from processors.identity import Tin
from processors.progress import Item, Moment, Progress
from processors.rulebook import Rulebook
from processors.vocabulary import ReadinessState

READINESS = "READINESS"


def readiness_items(
    tin: Tin, reported: Iterable[Observed[ReadinessReported]], moment: Moment
) -> Iterator[tuple[Item, Progress]]:
    """Yield each item of the checklist and whether it is ticked: the latest word of it stands.

    Once the window has closed nothing of it is left to do.
    """
    rulebook = moment.rulebook
    states = _states(reported)
    source = rulebook.compliance.sources["readiness"]
    for row in rulebook.compliance.readiness:
        state = states.get(row.item_id)
        item = Item(
            tin=tin,
            npi=None,
            category=READINESS,
            item=row.item_id,
            title=row.title,
            cites=source.cites,
            standing=source.standing,
            by_deadline=False,
            to_do="Do it, and report it as done.",
        )
        yield (
            item,
            Progress(
                satisfied=state is ReadinessState.DONE,
                needs_nothing=moment.closed or state is ReadinessState.NOT_APPLICABLE,
            ),
        )


def readiness_findings(
    of_the_tin: Iterable[Observed[ReadinessReported]],
    of_clinicians: Iterable[Observed[ReadinessReported]],
    rulebook: Rulebook,
) -> Iterator[Finding]:
    """Find words about items that nobody knows, in a symbol that nobody knows, and of one clinician for the TIN."""
    known = {row.item_id for row in rulebook.compliance.readiness}
    yield from (finding(told, "SCOPE_TOO_NARROW", "npi") for told in of_clinicians)
    for told in of_the_tin:
        if told.event.item_id not in known:
            yield finding(told, "UNKNOWN_READINESS_ITEM", "item_id")
        if told.event.state is ReadinessState.UNKNOWN:
            yield finding(told, "UNKNOWN_SYMBOL", "state")


def _states(reported: Iterable[Observed[ReadinessReported]]) -> Mapping[str, ReadinessState]:
    """Return the state that stands of each item: the later received; of one instant the larger event id."""
    known = [told for told in reported if told.event.state is not ReadinessState.UNKNOWN]
    ordered = sorted(known, key=lambda told: (told.received_at, told.event.event_id, told.digest))
    return {told.event.item_id: told.event.state for told in ordered}
