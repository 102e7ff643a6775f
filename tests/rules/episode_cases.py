"""How a row about episodes is played: a beneficiary's services are made into claims, kept in a ledger and counted."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from processors.claims import lag_days_passed
from processors.episodes import Count, counts_of, episode_rules, usable_lines
from processors.events import ClaimLine, ClaimReceived
from processors.identity import Npi
from processors.ledger import Ledger, fold_claim
from processors.rulebook import Rulebook
from processors.vocabulary import ClaimType, Disposition
from tests.making import NPI, OTHER_NPI, TIN, TOKEN, claim, observed

#: Clinicians as the rows call them; a service of "" names none.
_NPIS: Mapping[str, Npi | None] = {"A": NPI, "B": OTHER_NPI, "": None}


def episodes_case(given: Mapping[str, Any], rules: Rulebook) -> dict[str, Any]:
    """Count services, or say how much of the claims lag has passed.

    A service is an office visit by A for heart failure, and a claim of its own, unless it says otherwise;
    one claim told by two sources is two claims of one id.
    """
    if "as_of" in given:
        return {"passed": lag_days_passed(rules, rules.terms.year_end, given["as_of"])}
    episodes = episode_rules(rules)
    ledger = Ledger(tin=TIN, beneficiary=TOKEN)
    for told in _claims(given["services"]):
        ledger = fold_claim(ledger, observed(told), lambda event: usable_lines(event, [episodes]))
    counts = counts_of([ledger], episodes)
    asked = ("episodes", *given.get("count", ()))
    return {what: _named(counts, what.upper()) for what in asked if _named(counts, what.upper())}


def _claims(services: list[dict[str, Any]]) -> list[ClaimReceived]:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for number, service in enumerate(services):
        rows[service.get("claim", f"C{number}"), service.get("source", "claims")].append(service)
    return [
        claim(
            claim_id=claim_id,
            lines=tuple(_line(number, service) for number, service in enumerate(lines)),
            claim_type=ClaimType(lines[0].get("claim_type", "PROFESSIONAL")),
            disposition=Disposition(lines[0].get("disposition", "PAID")),
            **{k: v for k, v in lines[0].items() if k in {"diagnoses", "area", "source"}},
        )
        for (claim_id, _), lines in rows.items()
    ]


def _line(number: int, service: Mapping[str, Any]) -> ClaimLine:
    return ClaimLine(
        line_number=number,
        service_date=service["on"],
        npi=_NPIS[service.get("by", "A")],
        hcpcs=service.get("hcpcs", "99214"),
        specialty=service.get("specialty"),
        service_zip=service.get("zip"),
    )


def _named(counts: Mapping[Count, int], what: str) -> dict[str, int]:
    names = {npi: name for name, npi in _NPIS.items()}
    told: Counter[str] = Counter()
    for count, times in counts.items():
        if count.what == what:
            told[" ".join(filter(None, (names[count.npi], count.cohort, count.value)))] += times
    return dict(told)
