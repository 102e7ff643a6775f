"""How many bytes the claims of a beneficiary take in the state: by the share of claims that a family can use.

python -m bench.ledger
"""

from datetime import UTC, date, datetime, timedelta
from random import Random

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from processors.episodes import episode_rules, usable_lines
from processors.events import ClaimLine, ClaimReceived
from processors.identity import Npi, Tin
from processors.ledger import Ledger, fold_claim
from processors.vocabulary import ClaimAction, ClaimType, Disposition
from schemas.fingerprint import observe
from schemas.packed_ledger import packed
from schemas.state import pack

_CLAIMS, _YEARS = 120, 3
_RULES = episode_rules(min(load_rulebooks(DEFAULT_VINTAGE).items())[1])


def _claim(number: int, chance: Random, *, usable: bool) -> ClaimReceived:
    on = date(2025, 1, 1) + timedelta(days=chance.randrange(365 * _YEARS))
    lines = tuple(
        ClaimLine(
            line_number=line + 1,
            service_date=on,
            npi=Npi("1123456786"),
            specialty="06",
            hcpcs="36415" if line else "99214",
            service_zip="606011234",
            allowed_cents=9000,
        )
        for line in range(chance.choice([1, 2, 2, 3, 4]))
    )
    return ClaimReceived(
        event_id=f"rif-{chance.randrange(10**12)}-{number}",
        source="rif",
        tin=Tin("123456789"),
        claim_id=str(chance.randrange(10**14)),
        version=202801011,
        action=ClaimAction.ORIGINAL,
        disposition=Disposition.PAID,
        claim_type=ClaimType.PROFESSIONAL,
        beneficiary="b1_" + "A" * 52,
        from_date=on,
        through_date=on,
        diagnoses=("I5022", "E119", "I10") if usable else ("E119", "I10"),
        lines=lines,
    )


def main() -> None:
    """Print bytes a beneficiary, a claim and a line."""
    for percent in (0, 10, 30, 100):
        chance = Random(1)  # noqa: S311 - a benchmark, not a secret
        ledger, lines = Ledger(tin=Tin("123456789"), beneficiary="b1_" + "A" * 52), 0
        for number in range(_CLAIMS):
            claim = _claim(number, chance, usable=chance.randrange(100) < percent)
            lines += len(claim.lines)
            observed = observe(claim, datetime(2028, 1, 1, tzinfo=UTC), f"asm.claims.v1/3/{number + 100_000}")
            ledger = fold_claim(ledger, observed, lambda event: usable_lines(event, [_RULES]))
        size = len(pack(packed(ledger, None)))
        counted = f"{_CLAIMS} claims, {lines} lines, {len(ledger.claims)} claims kept"
        each = f"{size / _CLAIMS:.0f} a claim, {size / lines:.1f} a line"
        print(f"{percent:3} % of claims usable: {counted}: {size} bytes, {each}")  # noqa: T201


if __name__ == "__main__":
    main()
