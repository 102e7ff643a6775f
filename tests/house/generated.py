"""Pages that are written from tables: ``make docs`` writes them, a test holds them equal."""

from pathlib import Path

from pydantic import SecretStr

from infra.metrics import CATALOGUE
from infra.settings import Settings
from processors.reasons import REASONS, Kind
from schemas.reason_examples import reason_examples
from schemas.topics import contract
from tests.house.coverage import coverage_page

DOCS = Path(__file__).parents[2] / "docs"
_TITLES = {
    Kind.REFUSAL: (
        "Refusals",
        """No rulebook could accept it, or it cannot be made into an event: it is not taken in. At admission a refusal
is written to `asm.refusals.v1` (without payload) and `asm.dead-letters.v1`; at intake to standard error.""",
    ),
    Kind.FINDING: (
        "Findings",
        """It was taken in and is wrong or doubtful: a `FindingChanged` on `asm.findings.v1`, OPEN until it clears.
Nothing is lost, and nobody else is concerned.""",
    ),
    Kind.REASON: ("Reasons", "Why a part of a score or an obligation is what it is."),
}


def reasons_page() -> str:
    """Return ``docs/reasons.md``."""
    lines = ["# Codes: where they arise, what they mean, what to do, for example", ""]
    lines += [
        "Written from `processors/reasons.py` and `schemas/reason_examples.toml` by `make docs`.",
        "",
    ]
    for kind, (title, what) in _TITLES.items():
        lines += [f"## {title}", "", what, "", "| code | means | what to do | for example |"]
        lines.append("| --- | --- | --- | --- |")
        rows = sorted((code, m) for code, m in REASONS.items() if m.kind is kind)
        says = {code: example.says for code, example in reason_examples().items()}
        lines += [f"| `{code}` | {_cited(m.meaning, m.cites)} | {m.remedy} | {says[code]} |" for code, m in rows]
        lines.append("")
    return "\n".join(lines)


def _cited(meaning: str, cites: tuple[str, ...]) -> str:
    return meaning + (f" ({', '.join(cites)})" if cites else "")


def settings_page() -> str:
    """Return ``docs/operations/settings.md``."""
    lines = ["# Settings", "", "Written from `infra/settings.py` by `make docs`. Each is an environment variable.", ""]
    lines += ["| variable | default | means |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        default = "" if value in {None, ""} else f"`{value}`"
        lines.append(f"| `ASM_{name.upper()}` | {default} | {field.description} |")
    return "\n".join([*lines, ""])


def metrics_page() -> str:
    """Return ``docs/metrics.md``."""
    lines = [_METRICS, "| name | type | unit | labels | means |", "| --- | --- | --- | --- | --- |"]
    for name, metric in CATALOGUE.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} |")
    return "\n".join([*lines, ""])


_METRICS = """# Metrics

Written from `infra/metrics.py` by `make docs`. How to ask for them, and what to do when an alert fires:
[operations/monitoring.md](operations/monitoring.md). A metric is there from its first use on. `stage` is admission,
assessment, projection or standings; `topic` is called as in [contract.md](contract.md), whatever the namespace. Counts
of records do not include the marks of transactions, offsets and lag do. Besides them each process shows Prometheus's
own `process_*` metrics.
"""


def contract_page() -> str:
    """Return ``docs/contract.md``."""
    lines = [
        _CONTRACT,
        "| topic | records | partitions | kept | who writes | what |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for topic in contract().topics.values():
        kept = "compacted" if topic.cleanup == "compact" else f"{topic.retention_days} days"
        records = ", ".join(f"`{record}`" for record in topic.records) or "–"
        partitions = "the journal's" if topic.partitions is None else str(topic.partitions)
        producers = ", ".join(topic.producers)
        lines.append(f"| `{topic.name}` | {records} | {partitions} | {kept} | {producers} | {topic.doc} |")
    lines += ["", "## Schema ids", "", "| id | schema |", "| --- | --- |"]
    lines += [f"| {number} | `schemas/{name}.avsc` |" for name, number in contract().schema_ids.items()]
    lines += ["", "## Test vectors", "", "| key | partition of 4 | of 12 |", "| --- | --- | --- |"]
    lines += [f"| `{v['key']}` | {v['partition_of_4']} | {v['partition_of_12']} |" for v in contract().murmur2_vectors]
    lines += ["", "| token key (UTF-8) | identifier | token |", "| --- | --- | --- |"]
    lines += [f"| `{v['key_utf8']}` | `{v['identifier']}` | `{v['token']}` |" for v in contract().token_vectors]
    return "\n".join([*lines, ""])


_CONTRACT = """# The contract, for feeds and readers

Written from `schemas/topics.toml` by `make docs`. The `.avsc` files say what each field means; `schemas/examples` has
one or more of each record in the JSON form that `asm ingest events` and `asm assess` read.

- **Form.** Avro in Confluent's framing: `0x00`, the schema id as four bytes big-endian, the body. No registry is
  needed: the ids stand below and are never given twice. Schemas change FULL_TRANSITIVE only; a test refuses the rest.
- **Key and partition.** The key is the TIN's nine ASCII digits, the partition murmur2 of it, as Java's, kafka-python's
  and aiokafka's producers do by default. librdkafka clients must set `partitioner=murmur2_random`; with their default
  most TINs land elsewhere and are refused. Check yours against the vectors below.
- **Identity.** An event is (`source`, `event_id`). The same again is a repeat and changes nothing; other content under
  the same identity is a finding, and what came first stands.
- **When.** `received_at` is the broker's receipt (LogAppendTime): no feed can set it. A submission is judged by the
  receiver's `receipted_at`, not by when its event arrives here.
- **Beneficiaries** never come in clear: `b<key version>_` and base32 without padding of HMAC-SHA-256 of the MBI
  (capitals, no dashes) under the deployment's key. Whatever looks like an MBI, HICN or SSN is refused and not kept.
- **Refused?** Read `asm.refusals.v1`: origin (topic/partition/offset), reason, field, detail. Codes: `reasons.md`.
- **Readers** use `read_committed`. Every output is a state, not a delta; `revision` only rises; `emitted_id` is the
  same in a replay.

## Topics
"""

PAGES = {
    "coverage.md": coverage_page,
    "metrics.md": metrics_page,
    "reasons.md": reasons_page,
    "operations/settings.md": settings_page,
    "contract.md": contract_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
