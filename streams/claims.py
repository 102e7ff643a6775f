"""What the claims of a partition come to, by clinician and year: counted once a ledger, recounted when it changes.

The counts are derived from the ledgers alone and are not stored. Ledgers whose tokens are linked are counted as one
beneficiary's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from processors.episodes import ClaimYear, Count, EpisodeRules, claim_year, counts_of, usable_lines
from processors.events import ClaimReceived
from processors.identity import Npi, Tin
from processors.ledger import KeptLine, Ledger
from processors.rulebook import Rulebook
from streams.state import LedgerKey, PartitionState, YearKey

Owner = tuple[Tin, Npi, int]


class ClaimCounts:
    """Counts what the ledgers of a partition come to under the rules of each performance year."""

    def __init__(
        self, rulebooks: Mapping[int, Rulebook], rules: Mapping[int, EpisodeRules], state: PartitionState
    ) -> None:
        self._state = state
        self._rulebooks = rulebooks
        self._rules = list({id(each): each for each in rules.values()}.values())
        numbers = {id(each): number for number, each in enumerate(self._rules)}
        self._rules_of = {year: numbers[id(each)] for year, each in rules.items()}
        self._totals: defaultdict[Owner, list[Counter[Count]]] = defaultdict(lambda: [Counter() for _ in self._rules])
        self._counted: dict[LedgerKey, list[Counter[Count]]] = {}
        self.recount(state.ledger_keys())

    def keep(self, claim: ClaimReceived) -> tuple[KeptLine, ...]:
        """Return the lines of a claim that the rules of any performance year can use."""
        return usable_lines(claim, self._rules)

    def rules_of(self, performance_year: int) -> EpisodeRules:
        """Return what decides over episodes in a performance year."""
        return self._rules[self._rules_of[performance_year]]

    def recount(self, touched: Iterable[LedgerKey]) -> set[YearKey]:
        """Count anew what changed ledgers come to; return the practices and years whose counts are others now."""
        owners: set[Owner] = set()
        done: set[LedgerKey] = set()
        for key in touched:
            if key not in done:
                beneficiary = self._beneficiary(key)
                done.update(beneficiary)
                owners |= self._recount(key[0], beneficiary)
        return {(tin, py) for tin, _, year in owners for py in self._performance_years(year)}

    def beneficiaries_of(self, tin: Tin) -> Iterator[Sequence[Ledger]]:
        """Yield the ledgers of each beneficiary of a TIN, those of linked tokens together."""
        done: set[LedgerKey] = set()
        for key in self._state.ledger_keys():
            if key[0] == tin and key not in done:
                beneficiary = self._beneficiary(key)
                done.update(beneficiary)
                yield list(beneficiary.values())

    def of(self, tin: Tin, performance_year: int, npis: Iterable[Npi]) -> Mapping[Npi, Mapping[int, ClaimYear]]:
        """Return the counts that concern clinicians of a practice in a performance year, by calendar year."""
        rules = self._rules_of.get(performance_year)
        if rules is None or not self._totals:
            return MappingProxyType({})
        found: dict[Npi, dict[int, ClaimYear]] = defaultdict(dict)
        for npi in npis:
            for year in self._years_of(performance_year):
                totals = self._totals.get((tin, npi, year))
                if totals is not None and totals[rules]:
                    found[npi][year] = claim_year(totals[rules])
        return MappingProxyType(found)

    def _recount(self, tin: Tin, beneficiary: Mapping[LedgerKey, Ledger]) -> set[Owner]:
        """Replace what was counted of a beneficiary; return whose counts differ."""
        now = [counts_of(list(beneficiary.values()), rules) for rules in self._rules]
        before = self._counted_before(beneficiary)
        self._counted[min(beneficiary)] = now
        owners = set()
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            for count in {c for c in (*old, *new) if old[c] != new[c]}:
                owner = (tin, count.npi, count.year)
                owners.add(owner)
                total = self._totals[owner][number]
                total[count] += new[count] - old[count]
                if not total[count]:
                    del total[count]
        return owners

    def _counted_before(self, beneficiary: Mapping[LedgerKey, Ledger]) -> list[Counter[Count]]:
        """Forget, and return, what was counted of a beneficiary under all of its tokens."""
        told = [counts for key in beneficiary if (counts := self._counted.pop(key, None)) is not None]
        if len(told) == 1:
            return told[0]
        before = [Counter[Count]() for _ in self._rules]
        for counts in told:
            for number, counted in enumerate(counts):
                before[number] += counted
        return before

    def _beneficiary(self, key: LedgerKey) -> dict[LedgerKey, Ledger]:
        """Return the ledgers of all tokens that are linked with one, in order."""
        alone = self._state.ledger(*key).ledger
        if not alone.links:
            return {key: alone}
        tin, found, waiting = key[0], {}, [key[1]]
        while waiting:
            token = waiting.pop()
            if (tin, token) not in found:
                ledger = self._state.ledger(tin, token).ledger
                found[tin, token] = ledger
                waiting += [t for link in ledger.links for t in (link.event.from_token, link.event.to_token)]
        return dict(sorted(found.items()))

    def _years_of(self, performance_year: int) -> tuple[int, int]:
        return performance_year, performance_year - self._rulebooks[performance_year].eligibility.data_year_lag

    def _performance_years(self, year: int) -> list[int]:
        return [py for py in self._rulebooks if year in self._years_of(py)]
