"""The state records of one partition: a plain map, filled in bulk at takeover, written in the batch's transaction.

Keys are text: ``practice/<tin>/<year>``, ``clinician/<tin>/<npi>/<year>``, ``ledger/<tin>/<token>``, ``@partition``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush

import msgspec

from processors.announced import NOTHING, Announced, Owners
from processors.facts import PracticeYear, empty_year
from processors.identity import Npi, Tin
from processors.ledger import Ledger
from schemas.packed_ledger import LedgerRecord, packed, unpacked
from schemas.state import ClinicianRecord, PartitionMark, PracticeRecord, announced_of, pack, unpack

MARK_KEY = b"@partition"
STATE = "asm.state.{generation}.v1"
YearKey = tuple[Tin, int]
LedgerKey = tuple[Tin, str]


class StateRefused(Exception):
    """State that this engine and law must not continue; says what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why} Fold the journal anew beside it with `asm replay start NAME --follow --reason …`, see who moves, "
            "then `asm replay promote NAME`: docs/operations/recalculation.md."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class YearState:
    """A practice and year: facts, what was last announced by owner, and when time may change something."""

    facts: PracticeYear
    owners: Owners = field(default_factory=dict)
    next_change_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """A beneficiary's claims under a TIN, and what was last announced about them."""

    ledger: Ledger
    announced: Announced = NOTHING


class PartitionState:
    """All that assessment knows of one partition, and what of it changed since it was last written."""

    def __init__(self, mark: PartitionMark) -> None:
        self.mark = mark
        self._years: dict[YearKey, YearState] = {}
        self._ledgers: dict[LedgerKey, LedgerState] = {}
        self._due: list[tuple[datetime, YearKey]] = []
        self._written: dict[YearKey, YearState] = {}
        self._changed_ledgers: set[LedgerKey] = set()

    def year(self, tin: Tin, performance_year: int) -> YearState:
        """Return what is known of a practice and year."""
        known = self._years.get((tin, performance_year))
        return known or YearState(facts=empty_year(tin, performance_year))

    def years(self) -> Iterator[YearState]:
        """Yield every practice and year, in order."""
        return (self._years[key] for key in sorted(self._years))

    def put_year(self, state: YearState) -> None:
        """Remember what is known of a practice and year now."""
        practice = state.facts.practice
        key = (practice.tin, practice.performance_year)
        before = self.year(*key)
        self._written.setdefault(key, before)
        self._remember_year(key, before, state)

    def ledger(self, tin: Tin, beneficiary: str) -> LedgerState:
        """Return what is known of a beneficiary under a TIN."""
        known = self._ledgers.get((tin, beneficiary))
        return known or LedgerState(ledger=Ledger(tin=tin, beneficiary=beneficiary))

    def ledger_keys(self) -> list[LedgerKey]:
        """Return the key of every ledger, in order."""
        return sorted(self._ledgers)

    def restore(self, years: Iterable[YearState], ledgers: Iterable[LedgerState]) -> None:
        """Fill an empty state with what was written before."""
        for year in years:
            key = (year.facts.practice.tin, year.facts.practice.performance_year)
            self._remember_year(key, YearState(facts=year.facts), year)
        for ledger in ledgers:
            self._ledgers[ledger.ledger.tin, ledger.ledger.beneficiary] = ledger

    def adopt(self, other: "PartitionState") -> None:
        """Take over the facts of another state of the same partition; what was announced stays."""
        for key in sorted(self._years.keys() | other._years.keys()):  # noqa: SLF001 - one of its own kind
            self.put_year(replace(self.year(*key), facts=other.year(*key).facts))
        for ledger in sorted(self._ledgers.keys() | other._ledgers.keys()):  # noqa: SLF001
            self.put_ledger(replace(self.ledger(*ledger), ledger=other.ledger(*ledger).ledger))

    def put_ledger(self, state: LedgerState) -> None:
        """Remember what is known of a beneficiary under a TIN now."""
        key = (state.ledger.tin, state.ledger.beneficiary)
        self._ledgers[key] = state
        self._changed_ledgers.add(key)

    def next_due(self) -> datetime | None:
        """Return the earliest instant at which time alone may change something."""
        while self._due and self._years[self._due[0][1]].next_change_at != self._due[0][0]:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, as_of: datetime) -> list[YearState]:
        """Return the practices and years whose time has come, in order."""
        keys = set()
        while (due := self.next_due()) is not None and due <= as_of:
            keys.add(heappop(self._due)[1])
        return [self._years[key] for key in sorted(keys)]

    def take_changes(self) -> list[tuple[bytes, bytes]]:
        """Return the records that differ from what was last written, the partition's mark last."""
        changes = [record for key in sorted(self._written) for record in self._year_records(key)]
        changes += [
            (_ledger_key(key), pack(packed(state.ledger, None if state.announced is NOTHING else state.announced)))
            for key, state in ((key, self._ledgers[key]) for key in sorted(self._changed_ledgers))
        ]
        self._written.clear()
        self._changed_ledgers.clear()
        return [*changes, (MARK_KEY, pack(self.mark))]

    def _remember_year(self, key: YearKey, before: YearState, now: YearState) -> None:
        self._years[key] = now
        if now.next_change_at is not None and now.next_change_at != before.next_change_at:
            heappush(self._due, (now.next_change_at, key))

    def _year_records(self, key: YearKey) -> Iterator[tuple[bytes, bytes]]:
        before, now = self._written[key], self._years[key]
        tin, performance_year = key
        own = now.owners.get("", NOTHING)
        if (before.facts.practice, before.owners.get("", NOTHING), before.next_change_at) != (
            now.facts.practice,
            own,
            now.next_change_at,
        ):
            practice = PracticeRecord(facts=now.facts.practice, announced=own, next_change_at=now.next_change_at)
            yield f"practice/{tin.digits}/{performance_year}".encode(), pack(practice)
        for npi, facts in sorted(now.facts.clinicians.items()):
            said = now.owners.get(npi, NOTHING)
            if before.facts.clinicians.get(npi) is not facts or before.owners.get(npi, NOTHING) is not said:
                record = ClinicianRecord(facts=facts, announced=said)
                yield f"clinician/{tin.digits}/{npi}/{performance_year}".encode(), pack(record)


def load_state(records: Iterable[tuple[bytes, bytes]], fresh: PartitionMark) -> PartitionState:
    """Make the state of a partition of its records, the latest of each key; ``fresh`` is the mark of an empty one.

    :raises StateRefused: the records are of another engine version or law.
    """
    latest = dict(records)
    mark = _accepted_mark(mark_of(latest), fresh)
    latest.pop(MARK_KEY, None)
    return _restored(mark, latest)


def mark_of(records: Mapping[bytes, bytes]) -> PartitionMark | None:
    """Return the mark of a partition, or None where nothing was applied yet.

    :raises StateRefused: it is of an unknown shape.
    """
    value = records.get(MARK_KEY)
    try:
        return None if value is None else unpack(value, PartitionMark)
    except msgspec.DecodeError as error:
        raise StateRefused("The state in Kafka is of an unknown shape.") from error


def _restored(mark: PartitionMark, latest: Mapping[bytes, bytes]) -> PartitionState:
    years: dict[YearKey, YearState] = {}
    ledgers: list[LedgerState] = []
    for key, value in sorted(latest.items()):
        kind = key.split(b"/", 1)[0]
        if kind == b"ledger":
            record = unpack(value, LedgerRecord)
            ledgers.append(LedgerState(ledger=unpacked(record), announced=record.announced or NOTHING))
        elif kind == b"practice":
            _add_practice(years, unpack(value, PracticeRecord))
        else:
            _add_clinician(years, unpack(value, ClinicianRecord))
    state = PartitionState(mark)
    state.restore(years.values(), ledgers)
    return state


def said_before(records: Mapping[bytes, bytes], fresh: PartitionMark) -> PartitionState:
    """Make a state without facts of the records of another engine version: what it announced goes on counting.

    :raises StateRefused: the records tell it otherwise than this release.
    """
    years: dict[YearKey, YearState] = {}
    ledgers: list[LedgerState] = []
    try:
        for key, value in sorted(records.items()):
            kind, *names = key.decode().split("/")
            said = NOTHING if kind == MARK_KEY.decode() else announced_of(value) or NOTHING
            if kind == "ledger":
                ledgers.append(LedgerState(ledger=Ledger(tin=Tin(names[0]), beneficiary=names[1]), announced=said))
            elif kind in {"practice", "clinician"}:
                year = (Tin(names[0]), int(names[-1]))
                known = years.get(year) or YearState(facts=empty_year(*year))
                owner = names[1] if kind == "clinician" else ""
                years[year] = replace(known, owners={**known.owners, owner: said})
    except (msgspec.DecodeError, KeyError, IndexError, ValueError) as error:
        raise StateRefused("What the state in Kafka says was announced is of an unknown shape.") from error
    state = PartitionState(fresh)
    state.restore(years.values(), ledgers)
    return state


def _accepted_mark(mark: PartitionMark | None, fresh: PartitionMark) -> PartitionMark:
    if mark is None:
        return fresh
    if mark.engine != fresh.engine:
        raise StateRefused(
            f"The state in Kafka is of engine version {mark.engine}, this is version {fresh.engine}: "
            "continuing would mix the two."
        )
    if dict(mark.rulebooks) != dict(fresh.rulebooks):
        raise StateRefused("The state in Kafka is made under other rulebooks than these: continuing would mix the two.")
    return mark


def _add_practice(years: dict[YearKey, YearState], record: PracticeRecord) -> None:
    key = (record.facts.tin, record.facts.performance_year)
    known = years.get(key) or YearState(facts=empty_year(*key))
    years[key] = replace(
        known,
        facts=replace(known.facts, practice=record.facts),
        owners={**known.owners, "": record.announced},
        next_change_at=record.next_change_at,
    )


def _add_clinician(years: dict[YearKey, YearState], record: ClinicianRecord) -> None:
    key = (record.facts.tin, record.facts.performance_year)
    known = years.get(key) or YearState(facts=empty_year(*key))
    npi: Npi = record.facts.npi
    years[key] = replace(
        known,
        facts=replace(known.facts, clinicians={**known.facts.clinicians, npi: record.facts}),
        owners={**known.owners, npi: record.announced},
    )


def _ledger_key(key: LedgerKey) -> bytes:
    return f"ledger/{key[0].digits}/{key[1]}".encode()
