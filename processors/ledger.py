"""A beneficiary's claims as one TIN's feeds know them: what a rulebook family can use is kept, of the rest a trace.

The highest version of each claim (source, claim id) stands, whichever way the versions arrive. A claim of which no
line can be used leaves 32 bytes: a hash of what it is, its version, when it was received and a hash of what it says;
enough to replace, to cancel, and to see that two contents claim one version.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from processors.events import BeneficiaryLinked, ClaimReceived, LedgerEvent, Observed
from processors.identity import Npi, Tin
from processors.traces import NO_TRACES, Trace, Traces
from processors.vocabulary import ClaimAction

#: Of the content digest so many hexadecimal digits are kept: enough to tell the contents of one version apart.
_CONTENT_DIGITS = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """A line that a rulebook family can use, with the diagnoses of the family that it points to; money in cents."""

    service_date: date
    hcpcs: str
    diagnoses: tuple[str, ...] = field(repr=False)
    npi: Npi | None = None
    specialty: str | None = None
    area: str | None = None
    service_zip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClaim:
    """One version of a claim with the lines that can be used; ``content`` stands for all that it says."""

    source: str
    claim_id: str = field(repr=False)
    version: int
    action: ClaimAction
    event_id: str
    origin: str
    received_at: datetime
    content: str
    lines: tuple[KeptLine, ...] = ()

    @property
    def claim(self) -> tuple[str, str]:
        """Which claim it is a version of."""
        return self.source, self.claim_id

    @property
    def order(self) -> tuple[datetime, str, str, str]:
        """What decides between contents of one version: the first received stands, then the smaller content."""
        return self.received_at, self.content, self.event_id, self.origin


#: What of a claim can be used; given from outside, since the families are the law's.
Keep = Callable[[ClaimReceived], tuple[KeptLine, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A beneficiary's claims under a TIN.

    Of each claim only the highest version is kept; of that version every distinct content, so that a conflict can be
    seen. ``traces`` are the claims of which no line can be used, ``disputed`` the later arrived of two contents of
    which the other left no more than a trace. The links say which tokens are the same beneficiary's.
    """

    tin: Tin
    beneficiary: str = field(repr=False)
    claims: tuple[KeptClaim, ...] = ()
    traces: Traces = NO_TRACES
    disputed: tuple[KeptClaim, ...] = field(default=(), compare=False)
    sources: tuple[str, ...] = ()
    links: tuple[Observed[BeneficiaryLinked], ...] = ()


def ledgers_of(event: LedgerEvent) -> tuple[str, ...]:
    """Return the beneficiary tokens whose ledgers the event belongs to."""
    if isinstance(event, ClaimReceived):
        return (event.beneficiary,)
    return (event.from_token, event.to_token)


def fold_claim(ledger: Ledger, observed: Observed[ClaimReceived], keep: Keep) -> Ledger:
    """Add a version of a claim to a beneficiary's ledger; the same object comes back where nothing is new."""
    new = _kept(observed, keep)
    trace = _trace_of(new)
    known = [c.version for c in ledger.claims if c.claim == new.claim]
    known += [t.version for t in ledger.traces.of(trace.claim)]
    if not known:
        return _added(ledger, new, trace)
    version = max(known)
    if version > new.version:
        return ledger
    return _with_version(ledger, new, trace) if version < new.version else _with_content(ledger, new, trace)


def fold_link(ledger: Ledger, observed: Observed[BeneficiaryLinked]) -> Ledger:
    """Add a link to a beneficiary's ledger; the same object comes back where nothing is new."""
    known = {link.digest: link for link in ledger.links}
    twin = known.get(observed.digest)
    if twin is not None and (twin.received_at, twin.origin) <= (observed.received_at, observed.origin):
        return ledger
    known[observed.digest] = observed
    return replace(ledger, links=tuple(sorted(known.values(), key=lambda o: (o.received_at, o.digest))))


def merged(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the ledgers of linked tokens as one: of each claim the highest version under any of them."""
    if len(ledgers) == 1:
        return ledgers[0]
    versions: dict[int, int] = {}
    traces = [trace for ledger in ledgers for trace in ledger.traces]
    claims = [(_trace_of(claim), claim) for ledger in ledgers for claim in ledger.claims]
    for trace in (*traces, *(t for t, _ in claims)):
        versions[trace.claim] = max(trace.version, versions.get(trace.claim, trace.version))
    return replace(
        ledgers[0],
        claims=_sorted(tuple(c for t, c in claims if t.version == versions[t.claim])),
        traces=Traces.of_all(t for t in traces if t.version == versions[t.claim]),
        sources=tuple(sorted({source for ledger in ledgers for source in ledger.sources})),
    )


def standing_claims(ledger: Ledger, precedence: tuple[str, ...]) -> Iterator[KeptClaim]:
    """Yield the claims that stand: the highest version of each, unless that cancels it, and of two sources the better.

    ``precedence`` are beginnings of source names, the best first; sources that it does not name follow by name.
    """
    for claim in _first_contents(ledger).values():
        if claim.action is not ClaimAction.CANCEL and not _is_known_better(ledger, claim, precedence):
            yield claim


def conflicting_claims(ledger: Ledger) -> Iterator[tuple[KeptClaim, KeptClaim | None]]:
    """Yield the contents that do not count, or of which another leaves only a trace, each with the one that stands."""
    first = _first_contents(ledger)
    losers = [c for c in ledger.claims if first.get(c.claim, c) is not c]
    yield from ((claim, first[claim.claim]) for claim in losers)
    told = {claim.order for claim in losers}
    yield from ((claim, None) for claim in ledger.disputed if claim.order not in told)


def unknown_actions(ledger: Ledger) -> Iterator[KeptClaim]:
    """Yield the claims that stand under an action that this version does not know."""
    return (claim for claim in _first_contents(ledger).values() if claim.action is ClaimAction.UNKNOWN)


def _first_contents(ledger: Ledger) -> Mapping[tuple[str, str], KeptClaim]:
    """Return by (source, claim id) the content of the highest version that was received first, where it is kept."""
    claims = ledger.claims
    if len(claims) > 1:
        claims = tuple(sorted(claims, key=lambda c: c.order, reverse=True))
    first = {c.claim: c for c in claims}
    if not ledger.traces:
        return first
    return {name: c for name, c in first.items() if not any(_beats(t, c) for t in ledger.traces.of(_hash(*name)))}


def _beats(trace: Trace, claim: KeptClaim) -> bool:
    return (trace.received_ms, trace.content) < (_milliseconds(claim.received_at), _short(claim.content))


def _is_known_better(ledger: Ledger, claim: KeptClaim, precedence: tuple[str, ...]) -> bool:
    """Say whether a better source knows the claim, whatever it says of it."""
    better = [s for s in ledger.sources if _rank(s, precedence) < _rank(claim.source, precedence)]
    kept = {c.claim for c in ledger.claims} if better else set()
    return any((s, claim.claim_id) in kept or any(ledger.traces.of(_hash(s, claim.claim_id))) for s in better)


def _rank(source: str, precedence: tuple[str, ...]) -> tuple[int, str]:
    named = (place for place, start in enumerate(precedence) if source.startswith(start))
    return next(named, len(precedence)), source


def _with_version(ledger: Ledger, new: KeptClaim, trace: Trace) -> Ledger:
    """Replace whatever lower version of the claim is there."""
    others = tuple(c for c in ledger.claims if c.claim != new.claim)
    disputed = tuple(c for c in ledger.disputed if c.claim != new.claim)
    ledger = replace(ledger, claims=others, traces=ledger.traces.without(trace.claim), disputed=disputed)
    return _added(ledger, new, trace)


def _with_content(ledger: Ledger, new: KeptClaim, trace: Trace) -> Ledger:
    """Add another content of the highest version; of the same content the earliest receipt is kept."""
    twin = next((c for c in ledger.claims if (c.claim, c.content) == (new.claim, new.content)), None)
    traced = next((t for t in ledger.traces.of(trace.claim) if t.content == trace.content), None)
    if twin is not None:
        if twin.order <= new.order:
            return ledger
        return replace(ledger, claims=_sorted((*(c for c in ledger.claims if c is not twin), new)))
    if traced is not None:
        return ledger if traced <= trace else replace(ledger, traces=ledger.traces.without_one(traced).with_one(trace))
    if not new.lines or any(True for _ in ledger.traces.of(trace.claim)):
        ledger = replace(ledger, disputed=_sorted((*ledger.disputed, new)))
    return _added(ledger, new, trace)


def _added(ledger: Ledger, new: KeptClaim, trace: Trace) -> Ledger:
    """Add a content; where no line of it can be used, its trace."""
    is_kept = bool(new.lines) or new.action is ClaimAction.UNKNOWN
    known = ledger.sources
    return Ledger(  # not replace(), which takes several times as long: every claim comes by here
        tin=ledger.tin,
        beneficiary=ledger.beneficiary,
        claims=_sorted((*ledger.claims, new)) if is_kept else ledger.claims,
        traces=ledger.traces if is_kept else ledger.traces.with_one(trace),
        disputed=ledger.disputed,
        sources=known if new.source in known else tuple(sorted((*known, new.source))),
        links=ledger.links,
    )


def _kept(observed: Observed[ClaimReceived], keep: Keep) -> KeptClaim:
    event = observed.event
    return KeptClaim(
        source=event.source,
        claim_id=event.claim_id,
        version=event.version,
        action=event.action,
        event_id=event.event_id,
        origin=observed.origin,
        received_at=observed.received_at,
        content=observed.content[:_CONTENT_DIGITS],
        lines=() if event.action is ClaimAction.CANCEL else keep(event),
    )


def _trace_of(claim: KeptClaim) -> Trace:
    return Trace(
        claim=_hash(*claim.claim),
        version=claim.version,
        received_ms=_milliseconds(claim.received_at),
        content=_short(claim.content),
    )


def _hash(*names: str) -> int:
    return int.from_bytes(blake2b("\x1f".join(names).encode(), digest_size=8).digest(), "big")


def _short(content: str) -> int:
    return int(content[:16], 16)


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _sorted(claims: tuple[KeptClaim, ...]) -> tuple[KeptClaim, ...]:
    return claims if len(claims) < 2 else tuple(sorted(claims, key=lambda c: (c.claim, c.order)))
