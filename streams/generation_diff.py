"""Two generations compared: who moves between them, by how much, and which value, event or tick causes it.

Both sides are had from what they keep on the cluster, so that the one may go on while the other stands still: an event
between their offsets, and a tick between their clocks, are then causes like any other.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from infra.kafka.connection import Connection
from infra.kafka.reading import Span, reader, records_in
from infra.kafka.topics import topic_names
from processors.alternatives import Alternatives, ChangeKind, Side
from processors.announced import NOTHING, Announced
from processors.comparison import alias_of, compare
from processors.comparison_summary import Comparison, Participant, ordered
from processors.determinations import merge_results, value_of
from processors.episodes import ClaimYear
from processors.events import BeneficiaryLinked, ClaimReceived, EventName
from processors.facts import PracticeYear, empty_year
from processors.identity import Npi, Tin
from processors.movement import Cause, ClaimsTold, Moved, ObligationMoved
from processors.rulebook import Rulebook
from processors.rulebook.hybrid import LawChange
from processors.standings import SeenScore
from schemas.codec import content_digest
from schemas.state import PartitionMark
from streams.admission import read_journal
from streams.claims import ClaimCounts
from streams.law import Law
from streams.laws import Kept
from streams.state import LedgerState, PartitionState, YearKey, YearState

JOURNAL = "asm.journal.v1"
_KEPT_OTHERWISE = "of the same claims the sides keep other lines, since other lines are of use under their laws"
_GONE = "the claims between the sides' offsets are not in the journal any more"
#: The section of the law that says which lines of a claim are of use.
_KEEPING = "episodes."
#: The claims of each TIN between two offsets of a partition.
ClaimsBetween = Callable[[int, Span], Mapping[Tin, ClaimsTold]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Practice:
    """A practice and year on both sides, in its partition."""

    partition: int
    key: YearKey
    a: YearState
    b: YearState


class GenerationDiff:
    """Compares two generations, practice by practice."""

    def __init__(self, a: Kept, b: Kept, claims_between: ClaimsBetween) -> None:
        self._a, self._b = a, b
        self._claims_between = claims_between
        self._told: dict[int, Mapping[Tin, ClaimsTold]] = {}
        years = sorted(a.law.rulebooks.keys() | b.law.rulebooks.keys())
        self.laws = {year: LawChange(a.law.rulebooks.get(year), b.law.rulebooks.get(year)) for year in years}
        self._partitions = {
            number: (_Held(_state(a, number)), _Held(_state(b, number))) for number in sorted({*a.states, *b.states})
        }

    def compared(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Comparison:
        """Return what the generations differ in; ``progress`` is told how many practices are done, and of how many."""
        practices = list(self._practices())
        participants: list[Participant] = []
        moved: list[Moved] = []
        obligations: list[ObligationMoved] = []
        for number, practice in enumerate(practices):
            participants += _participants(practice)
            if _may_differ(practice):
                found = compare(self._alternatives(practice), content_digest)
                moved += (replace(m, causes=self._with_claims(m.causes, practice)) for m in found.moved)
                obligations += (replace(o, causes=self._with_claims(o.causes, practice)) for o in found.obligations)
            progress(number + 1, len(practices))
        return Comparison(participants=participants, moved=ordered(moved), obligations=obligations, laws=self.laws)

    def _practices(self) -> Iterator[_Practice]:
        for number, (a, b) in self._partitions.items():
            for key in sorted(a.years.keys() | b.years.keys()):
                empty = YearState(facts=empty_year(*key))
                yield _Practice(partition=number, key=key, a=a.years.get(key, empty), b=b.years.get(key, empty))

    def _alternatives(self, practice: _Practice) -> Alternatives:
        a, b = self._partitions[practice.partition]
        tin, year = practice.key
        law = self.laws.get(year) or LawChange(None, None)
        differ = a.ledgers_of(tin) != b.ledgers_of(tin)
        return Alternatives(_side(a, practice.a), _side(b, practice.b), law, claims_differ=differ)

    def _with_claims(self, causes: Iterable[Cause], practice: _Practice) -> tuple[Cause, ...]:
        """Return the causes, those that are claims with how many lie between the sides' offsets."""
        return tuple(
            self._cause_with_claims(cause, practice) if cause.kind == ChangeKind.CLAIMS else cause for cause in causes
        )

    def _cause_with_claims(self, cause: Cause, practice: _Practice) -> Cause:
        told = self._claims(practice)
        return replace(cause, claims=told, detail="" if told else self._untold(practice))

    def _untold(self, practice: _Practice) -> str:
        """Say why claims differ of which none lies between the sides' offsets."""
        values = [key for key in self.laws[practice.key[1]].differences if key.startswith(_KEEPING)]
        return f"{_KEPT_OTHERWISE}: {', '.join(values)}" if values else _GONE

    def _claims(self, practice: _Practice) -> ClaimsTold | None:
        number = practice.partition
        if number not in self._told:
            ends = sorted(held.mark.applied for held in self._partitions[number])
            between = Span(ends[0] + 1, ends[1] + 1)
            self._told[number] = {} if between.first == between.end else self._claims_between(number, between)
        return self._told[number].get(practice.key[0])


class _Held:
    """What one side holds of a partition, by practice and year, and by TIN."""

    def __init__(self, state: PartitionState) -> None:
        self.mark = state.mark
        self.years = {(y.facts.practice.tin, y.facts.practice.performance_year): y for y in state.years()}
        self._ledgers: defaultdict[Tin, list[LedgerState]] = defaultdict(list)
        for tin, beneficiary in state.ledger_keys():
            self._ledgers[tin].append(state.ledger(tin, beneficiary))
        self._counts: dict[Tin, _Counting] = {}

    def ledgers_of(self, tin: Tin) -> Sequence[object]:
        """Return the ledgers of a TIN, without what was said of them."""
        return [held.ledger for held in self._ledgers.get(tin, ())]

    def counting(self, tin: Tin) -> "_Counting":
        """Return what counts the claims of a TIN."""
        if tin not in self._counts:
            self._counts = {tin: _Counting(tin, self._ledgers.get(tin, ()), self.mark)}  # the others are done
        return self._counts[tin]


class _Counting:
    """Counts a TIN's claims under one rulebook and another; those with the same episodes count once."""

    def __init__(self, tin: Tin, ledgers: Sequence[LedgerState], mark: PartitionMark) -> None:
        self._tin = tin
        self._state = PartitionState(mark)
        self._state.restore((), ledgers)
        self._counts: dict[tuple[int, ...], tuple[Rulebook, ClaimCounts]] = {}

    def __call__(self, rulebook: Rulebook, npis: Iterable[Npi]) -> Mapping[Npi, Mapping[int, ClaimYear]]:
        year = rulebook.performance_year
        key = (year, *(id(section) for section in (rulebook.episodes, rulebook.areas, rulebook.eligibility)))
        if key not in self._counts:
            law = Law(rulebooks={year: rulebook})
            self._counts[key] = rulebook, ClaimCounts(law.rulebooks, law.episode_rules, self._state)
        return self._counts[key][1].of(self._tin, year, npis)


def claims_in_journal(connection: Connection) -> ClaimsBetween:
    """Return what reads the claims between two offsets of a partition of the journal.

    What it returns raises Unavailable where the cluster does not answer, and passes over what retention deleted.
    """

    def between(partition: int, span: Span) -> Mapping[Tin, ClaimsTold]:
        counted: Counter[Tin] = Counter()
        last: dict[Tin, ClaimsTold] = {}
        with reader(connection, topic_names(connection.settings).of(JOURNAL)) as consumer:
            (tp,) = (tp for tp in consumer.assignment() if tp.partition == partition)
            for record in records_in(consumer, {tp: span}):
                if record.key is None:
                    continue
                observed = read_journal(record.value, dict(record.headers))
                event = observed.event
                if isinstance(event, ClaimReceived | BeneficiaryLinked):
                    counted[event.tin] += 1
                    name = EventName(source=event.source, event_id=event.event_id)
                    last[event.tin] = ClaimsTold(count=counted[event.tin], last=name, origin=observed.origin)
        return last

    return between


def _state(kept: Kept, partition: int) -> PartitionState:
    return kept.states.get(partition) or PartitionState(kept.law.fresh_mark())


def _side(held: _Held, year: YearState) -> Side:
    return Side(
        facts=year.facts,
        owners=year.owners,
        as_of=held.mark.as_of,
        engine=held.mark.engine,
        count=held.counting(year.facts.practice.tin),
    )


def _may_differ(practice: _Practice) -> bool:
    """Say whether something else was said of anybody: what was said of scores and obligations has a digest."""
    a, b = practice.a.owners, practice.b.owners
    return any(_said(a.get(name, NOTHING)) != _said(b.get(name, NOTHING)) for name in a.keys() | b.keys())


def _said(announced: Announced) -> tuple[object, ...]:
    score = None if announced.score is None else announced.score.digest
    return score, {key: obligation.digest for key, obligation in announced.obligations.items()}


def _participants(practice: _Practice) -> Iterator[Participant]:
    tin, year = practice.key
    for npi in sorted({*practice.a.owners, *practice.b.owners}):
        before, after = _seen(practice.a, npi), _seen(practice.b, npi)
        if before is not None or after is not None:
            alias = alias_of(practice.b.facts, Npi(npi)) or alias_of(practice.a.facts, Npi(npi))
            yield Participant(
                tin=tin, npi=Npi(npi), performance_year=year, practice_alias=alias, before=before, after=after
            )


def _seen(year: YearState, npi: str) -> SeenScore | None:
    said = year.owners.get(npi, NOTHING).score
    if said is None:
        return None
    return SeenScore(
        cohort=said.cohort,
        revision=said.revision,
        final_score=said.final_score,
        part_b_paid_cents=_paid(year.facts, npi),
    )


def _paid(facts: PracticeYear, npi: str) -> int | None:
    clinician = facts.clinicians.get(Npi(npi))
    return None if clinician is None else value_of(merge_results(clinician.results).paid)
