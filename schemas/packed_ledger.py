"""A beneficiary's ledger as few bytes: arrays without names, sources by number, digests and traces as bytes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from processors.announced import Announced
from processors.events import BeneficiaryLinked, Observed
from processors.identity import Npi, Tin
from processors.ledger import KeptClaim, KeptLine, Ledger
from processors.traces import Traces
from processors.vocabulary import ClaimAction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PackedLine(msgspec.Struct, array_like=True, frozen=True):
    """A line: the day as a number, codes and identifiers as text."""

    day: int
    hcpcs: str
    diagnoses: tuple[str, ...]
    npi: str | None
    specialty: str | None
    area: str | None
    service_zip: str | None


class PackedClaim(msgspec.Struct, array_like=True, frozen=True):
    """A claim: its source as a number, its receipt in milliseconds."""

    source: int
    claim_id: str
    version: int
    action: ClaimAction
    event_id: str
    origin: str
    received_ms: int
    content: bytes
    lines: tuple[PackedLine, ...]


class LedgerRecord(msgspec.Struct, array_like=True, frozen=True):
    """A beneficiary's ledger under a TIN, and what was last announced about it."""

    tin: Tin
    beneficiary: str
    sources: tuple[str, ...]
    claims: tuple[PackedClaim, ...]
    traces: bytes
    disputed: tuple[PackedClaim, ...]
    links: tuple[Observed[BeneficiaryLinked], ...]
    announced: Announced | None


def packed(ledger: Ledger, announced: Announced | None) -> LedgerRecord:
    """Return the record of a ledger; ``announced`` is None where nothing was announced."""
    return LedgerRecord(
        tin=ledger.tin,
        beneficiary=ledger.beneficiary,
        sources=ledger.sources,
        claims=tuple(_packed_claim(claim, ledger.sources) for claim in ledger.claims),
        traces=ledger.traces.packed,
        disputed=tuple(_packed_claim(claim, ledger.sources) for claim in ledger.disputed),
        links=ledger.links,
        announced=announced,
    )


def unpacked(record: LedgerRecord) -> Ledger:
    """Return the ledger that a record holds.

    :raises msgspec.DecodeError: its numbers name no source, no day or no instant.
    """
    try:
        claims = tuple(_claim(claim, record.sources) for claim in record.claims)
        disputed = tuple(_claim(claim, record.sources) for claim in record.disputed)
    except (IndexError, ValueError, OverflowError) as error:
        raise msgspec.DecodeError(f"no ledger: {error}") from error
    return Ledger(
        tin=record.tin,
        beneficiary=record.beneficiary,
        claims=claims,
        traces=Traces(record.traces),
        disputed=disputed,
        sources=record.sources,
        links=record.links,
    )


def _packed_claim(claim: KeptClaim, sources: Sequence[str]) -> PackedClaim:
    return PackedClaim(
        source=sources.index(claim.source),
        claim_id=claim.claim_id,
        version=claim.version,
        action=claim.action,
        event_id=claim.event_id,
        origin=claim.origin,
        received_ms=(claim.received_at - _EPOCH) // timedelta(milliseconds=1),
        content=bytes.fromhex(claim.content),
        lines=tuple(_packed_line(line) for line in claim.lines),
    )


def _claim(claim: PackedClaim, sources: Sequence[str]) -> KeptClaim:
    return KeptClaim(
        source=sources[claim.source],
        claim_id=claim.claim_id,
        version=claim.version,
        action=claim.action,
        event_id=claim.event_id,
        origin=claim.origin,
        received_at=_EPOCH + timedelta(milliseconds=claim.received_ms),
        content=claim.content.hex(),
        lines=tuple(_line(line) for line in claim.lines),
    )


def _packed_line(line: KeptLine) -> PackedLine:
    return PackedLine(
        day=line.service_date.toordinal(),
        hcpcs=line.hcpcs,
        diagnoses=line.diagnoses,
        npi=line.npi,
        specialty=line.specialty,
        area=line.area,
        service_zip=line.service_zip,
    )


def _line(line: PackedLine) -> KeptLine:
    return KeptLine(
        service_date=date.fromordinal(line.day),
        hcpcs=line.hcpcs,
        diagnoses=line.diagnoses,
        npi=None if line.npi is None else Npi(line.npi),
        specialty=line.specialty,
        area=line.area,
        service_zip=line.service_zip,
    )
