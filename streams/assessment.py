"""Assessment: journal batch -> outputs and state.

The order of effects of a batch, repeated to operators in ``docs/operations/effects.md``:

1. decide: fold the events, assess whom they touch, say what is new, up to the last mark of what was fetched;
2. in one transaction of the partition send the outputs, the changed state records, the partition's mark and the input
   offsets, and await every delivery;
3. commit;
4. settle the batch, so that the next one may be fetched.

This module is step 1, without Kafka: the same journal gives the same outputs however it is fetched, since outputs are
made at the marks and events that stand in the journal, and nothing beyond the last mark is decided.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from processors.announced import NOTHING
from processors.announcements import announce, announce_findings
from processors.assessment import Assessment, assess, assess_without_rulebook
from processors.claims import ledger_findings
from processors.engine import ENGINE
from processors.events import BatchClosed, BeneficiaryLinked, ClaimReceived, ClockTicked, LawPromoted, Mark, Observed
from processors.facts import PracticeYear, fold
from processors.identity import Tin
from processors.ledger import Ledger, fold_claim, fold_link, ledgers_of
from processors.outputs import RECALCULATION, Cause, Envelope, Output, recalculated
from schemas.codec import content_digest
from streams.claims import ClaimCounts
from streams.effects import Effects, Recalculated
from streams.law import Law
from streams.state import LedgerKey, LedgerState, PartitionState, YearKey, YearState

__all__ = ["SYSTEM", "Assessor", "Effects", "Entry", "Law", "Recalculated"]

#: What is known before the first tick of the clock is assessed at that tick: it is due at once.
_AT_THE_FIRST_TICK = datetime(1, 1, 1, tzinfo=UTC)
#: Of so many practices the assessment announced last is kept, since the next one shares most of its work.
_REMEMBERED = 4096
SYSTEM = "asm-streams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record of the journal: an admitted event, or a mark."""

    offset: int
    content: Observed[Any] | Mark


class Assessor:
    """Folds the journal of one partition into its state and says what changed."""

    def __init__(self, state: PartitionState, law: Law) -> None:
        self.state = state
        self._law = law
        self._outputs: list[Output] = []
        self._touched: dict[LedgerKey, tuple[Cause, int]] = {}
        self._announced: dict[YearKey, Assessment] = {}
        self._claims = ClaimCounts(law.rulebooks, law.episode_rules, state)
        self._coming: tuple[Law, PartitionState | None] | None = None
        self._recalculated: Recalculated | None = None

    @property
    def law(self) -> Law:
        """The law in force."""
        return self._law

    def prepare(self, law: Law, facts: PartitionState | None = None) -> None:
        """Have ready what the next promotion in the journal brings: its law, and facts where its fold is another.

        An assessor that nothing is prepared for goes on under its own law: it is of another generation.
        """
        self._coming = law, facts

    def apply(self, entries: Iterable[Entry]) -> None:
        """Apply entries of the journal, in order (step 1)."""
        for _ in self.steps(entries):
            pass

    def steps(self, entries: Iterable[Entry]) -> Iterator[None]:
        """Apply entries of the journal, in order; a step is at most one practice's assessment.

        A tick may concern every practice: whoever has heartbeats and transactions to care for does so between steps.
        """
        for entry in entries:
            yield from self._apply_entry(entry)

    def take_effects(self) -> Effects:
        """Return what changed since the last call; the entries applied must end with a mark."""
        recalculated, self._recalculated = self._recalculated, None
        return Effects(
            applied=self.state.mark.applied,
            outputs=tuple(self.take_outputs()),
            state=tuple(self.state.take_changes()),
            recalculated=recalculated,
        )

    def take_outputs(self) -> list[Output]:
        """Return what was said since the last call."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def assessment_of(self, year: YearState, earlier: Assessment | None = None) -> Assessment:
        """Return what the facts of a practice and year mean at the partition's last tick."""
        return self.assessment_with(year.facts, earlier)

    def assessment_with(self, facts: PracticeYear, earlier: Assessment | None = None) -> Assessment:
        """Return what facts of a practice and year would mean at the partition's last tick."""
        rulebook = self._law.rulebooks.get(facts.practice.performance_year)
        if rulebook is None:
            return assess_without_rulebook(facts)
        return assess(self._with_claims(facts), rulebook, self._as_of(), earlier)

    def _with_claims(self, facts: PracticeYear) -> PracticeYear:
        practice = facts.practice
        claims = self._claims.of(practice.tin, practice.performance_year, facts.clinicians)
        return replace(facts, claims=claims) if claims else facts

    def as_announced(self, year: YearState) -> YearState:
        """Return a practice and year with what was last said of it."""
        return year

    def suppose_claims(self, claims: Iterable[Observed[Any]]) -> None:
        """Count claims and links as if they were received now; this state must not be committed afterwards."""
        for observed in claims:
            self._fold_claim(observed, -1)
        self._claims.recount(self._touched)

    def _apply_entry(self, entry: Entry) -> Iterator[None]:
        content = entry.content
        if isinstance(content, BatchClosed):
            yield from self._close(entry.offset)
        elif isinstance(content, ClockTicked):
            yield from self._tick(content.as_of, entry.offset)
        elif isinstance(content, LawPromoted):
            yield from self._promote(content, entry.offset)
        elif isinstance(content.event, ClaimReceived | BeneficiaryLinked):
            self._fold_claim(content, entry.offset)
        else:
            self._fold_event(content, entry.offset)
            yield

    def _fold_event(self, observed: Observed[Any], offset: int) -> None:
        event = observed.event
        before = self.state.year(event.tin, event.performance_year)
        facts = fold(before.facts, observed)
        if facts is before.facts:
            return
        if self.state.mark.as_of is None:
            self.state.put_year(replace(before, facts=facts, next_change_at=_AT_THE_FIRST_TICK))
        else:
            self._assess(replace(before, facts=facts), _cause_of(observed, offset))

    def _fold_claim(self, observed: Observed[Any], offset: int) -> None:
        event = observed.event
        for beneficiary in ledgers_of(event):
            before = self.state.ledger(event.tin, beneficiary)
            ledger = self._folded(before.ledger, observed)
            if ledger is not before.ledger:
                self.state.put_ledger(LedgerState(ledger=ledger, announced=before.announced))
                key = (event.tin, beneficiary)
                size = self._touched[key][1] + 1 if key in self._touched else 1
                self._touched[key] = (_cause_of(observed, offset), size)

    def _folded(self, ledger: Ledger, observed: Observed[Any]) -> Ledger:
        if isinstance(observed.event, BeneficiaryLinked):
            return fold_link(ledger, observed)
        return fold_claim(ledger, observed, self._claims.keep)

    def _close(self, offset: int) -> Iterator[None]:
        yield from self._assess_ledgers()
        self.state.mark = replace(self.state.mark, applied=offset)

    def _promote(self, mark: LawPromoted, offset: int) -> Iterator[None]:
        """Take another law over, if this is who it is for, and say what differs under it."""
        yield from self._close(offset)
        if self._coming is None:
            return
        (law, facts), self._coming = self._coming, None
        cause = Cause(type=RECALCULATION, source=SYSTEM, event_id=mark.recalculation, journal_offset=offset)
        yield from self.recalculate(law, facts, cause)

    def recalculate(self, law: Law, facts: PartitionState | None, cause: Cause) -> Iterator[None]:
        """Assess everybody anew under another law, and with other facts where there are some; a step is a practice."""
        before, first = self.state.mark.rulebooks, len(self._outputs)
        if facts is not None:
            self.state.adopt(facts)
            if self.state.mark.as_of is not None:
                self._say_of_ledgers(dict.fromkeys(self.state.ledger_keys(), (cause, 0)))
        self._law, self._announced = law, {}
        self._claims = ClaimCounts(law.rulebooks, law.episode_rules, self.state)
        self.state.mark = replace(self.state.mark, rulebooks=law.digests, promoted=law.promoted)
        for year in list(self.state.years()):
            self._recalculate_year(year, before, cause)
            yield
        said = tuple(self._outputs[first:])
        participants = sum(o.score is not None for year in self.state.years() for o in year.owners.values())
        self._recalculated = Recalculated(recalculation=cause.event_id, participants=participants, outputs=said)

    def _recalculate_year(self, year: YearState, before: Mapping[str, str], cause: Cause) -> None:
        if self.state.mark.as_of is None:
            self.state.put_year(replace(year, next_change_at=_AT_THE_FIRST_TICK))
        else:
            named = str(year.facts.practice.performance_year)
            self._assess(year, recalculated(cause, before.get(named, ""), self._law.digests.get(named, "")))

    def _tick(self, as_of: datetime, offset: int) -> Iterator[None]:
        """Move the clock on, never back, and assess those whose time has come."""
        yield from self._assess_ledgers()
        known = self.state.mark.as_of
        now = as_of if known is None else max(known, as_of)
        self.state.mark = replace(self.state.mark, applied=offset, as_of=now)
        cause = Cause(type="ClockTicked", source=SYSTEM, event_id=now.isoformat(), journal_offset=offset)
        if known is None:
            self._touched = dict.fromkeys(self.state.ledger_keys(), (cause, 0))
            yield from self._assess_ledgers()
        for year in self.state.take_due(now):
            self._assess(year, cause)
            yield

    def _assess(self, year: YearState, cause: Cause) -> None:
        practice = year.facts.practice
        key = (practice.tin, practice.performance_year)
        assessment = self.assessment_of(year, self._announced.pop(key, None))
        self._announced[key] = assessment
        while len(self._announced) > _REMEMBERED:
            self._announced.pop(next(iter(self._announced)))
        envelope = self._envelope(practice.performance_year, cause)
        outputs, owners = announce(year.owners, assessment, envelope, content_digest)
        self._outputs += outputs
        self.state.put_year(replace(year, owners=owners, next_change_at=assessment.next_change_at))

    def _assess_ledgers(self) -> Iterator[None]:
        """Assess the ledgers that claims touched since the last mark, each once, and then whom their counts concern.

        Before the first tick none is assessed.
        """
        concerned = self._claims.recount(self._touched)
        touched = {} if self.state.mark.as_of is None else self._touched
        self._say_of_ledgers(touched)
        self._touched = {}
        if touched:
            yield from self._assess_concerned(concerned, touched)

    def _say_of_ledgers(self, touched: Mapping[LedgerKey, tuple[Cause, int]]) -> None:
        for key, (cause, size) in touched.items():
            ledger = self.state.ledger(*key)
            findings = list(ledger_findings(ledger.ledger))
            if not findings and ledger.announced is NOTHING:
                continue
            envelope = self._envelope(None, replace(cause, batch_size=size or None))
            outputs, announced = announce_findings(ledger.announced, findings, envelope, content_digest)
            self._outputs += outputs
            if announced is not ledger.announced:
                self.state.put_ledger(LedgerState(ledger=ledger.ledger, announced=announced))

    def _assess_concerned(
        self, concerned: Iterable[YearKey], touched: Mapping[LedgerKey, tuple[Cause, int]]
    ) -> Iterator[None]:
        """Assess the practices and years whose claims come to something else now, because of their last claim."""
        causes: dict[Tin, Cause] = {}
        for (tin, _), (cause, size) in touched.items():
            known = causes.get(tin)
            latest = cause if known is None or cause.journal_offset >= known.journal_offset else known
            causes[tin] = replace(latest, batch_size=size + (known.batch_size or 0 if known else 0))
        for tin, performance_year in sorted(concerned):
            year = self.state.year(tin, performance_year)
            if year.facts.clinicians:
                self._assess(year, replace(causes[tin], batch_size=causes[tin].batch_size or None))
                yield

    def _as_of(self) -> datetime:
        return self.state.mark.as_of or _AT_THE_FIRST_TICK

    def _envelope(self, performance_year: int | None, cause: Cause) -> Envelope:
        rulebook = self._law.rulebooks.get(performance_year) if performance_year is not None else None
        return Envelope(
            cause=cause,
            as_of=self._as_of(),
            rulebook=rulebook.digest if rulebook is not None else "",
            vintage=rulebook.vintage if rulebook is not None else "",
            engine=ENGINE,
            generation=self._law.generation,
        )


def _cause_of(observed: Observed[Any], offset: int) -> Cause:
    event = observed.event
    return Cause(type=type(event).__name__, source=event.source, event_id=event.event_id, journal_offset=offset)
