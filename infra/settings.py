"""The configuration: one frozen object, read from ``ASM_*`` once, passed by hand. Secrets print masked."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.rulebooks import DEFAULT_VINTAGE

#: What a generation may be called: it is part of names of topics and groups.
GENERATION_NAME = r"^[a-z0-9][a-z0-9-]{0,40}$"


class Settings(BaseSettings):
    """What a deployment may choose. Every field is an environment variable: ``ASM_`` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ASM_", env_ignore_empty=True, frozen=True, extra="forbid")

    kafka_bootstrap: str | None = Field(
        default=None, description="Cluster to use, host:port[,host:port]; none: the embedded broker."
    )
    kafka_dir: Path = Field(default=Path(".kafka"), description="Where the embedded broker keeps jars, data and log.")
    kafka_port: int = Field(default=0, description="Port of the embedded broker; 0: a free one.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How clients talk to the cluster; anything but a test wants SASL_SSL."
    )
    kafka_ca_file: Path | None = Field(default=None, description="Certificates that the brokers are trusted by (PEM).")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How clients prove who they are, with SASL."
    )
    kafka_username: str | None = Field(default=None, description="User of SASL.")
    kafka_password: SecretStr | None = Field(default=None, description="Password of SASL; printed masked.")
    kafka_replication: int = Field(
        default=1, ge=1, description="Replication factor of topics that `asm topics apply` creates."
    )
    kafka_min_insync: int | None = Field(
        default=None,
        ge=1,
        description="In-sync replicas that must have a record before it counts as written; none: as the brokers say.",
    )

    namespace: str = Field(
        default="", description="Put before every topic, group and transactional id, to share a cluster."
    )
    generation: str = Field(default="live", pattern=GENERATION_NAME, description="Name of this run of assessment.")
    partitions: int | None = Field(default=None, ge=1, description="Partitions of a new journal; none: 12, embedded 4.")
    clock: Literal["wall", "events"] = Field(
        default="wall", description="Whose time it is: the broker's, or simulated."
    )
    vintage: str = Field(default=DEFAULT_VINTAGE, description="Vintage of the rulebook.")
    areas_file: Path | None = Field(
        default=None, description="File of areas made by `asm rules areas`; none: no area is known."
    )
    test_identifiers: Literal["refuse", "accept"] = Field(
        default="refuse", description="TINs and NPIs of CMS's test files."
    )

    token_key: SecretStr | None = Field(
        default=None, description="Key of the beneficiary tokens; needed to ingest claims."
    )
    token_key_version: int = Field(default=1, ge=1, description="Version of that key, part of every token.")

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///asm-streams.db"),
        description="Database of the SQL view: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
    )

    instance: str | None = Field(
        default=None, description="Static group membership: a name of this worker that outlives it."
    )
    session_timeout_seconds: float = Field(default=8.0, description="After which a silent worker loses its partitions.")
    transaction_timeout_seconds: float = Field(
        default=20.0, description="After which the broker aborts a frozen worker's work."
    )
    clock_margin_seconds: float = Field(
        default=1.0, description="By how much the clocks of brokers and workers may disagree."
    )
    watermark_limit_seconds: float = Field(
        default=300.0, gt=0, description="After which a partition's clock that stands still is an alert of its own."
    )
    feeds_file: Path | None = Field(
        default=None, description="File of the feeds that are expected (`docs/operations/feeds.md`); none: none is."
    )
    fetch_bytes: int = Field(default=8 << 20, description="Most bytes of one fetch of a partition.")
    linger_seconds: float = Field(
        default=0.0, description="Waiting for more before a transaction, to make fewer of them."
    )
    restarts_max: int = Field(
        default=10, ge=1, description="How often a worker that fails within a minute is restarted."
    )
    unavailable_limit_seconds: float = Field(
        default=600.0, ge=0, description="How long a machine that does not answer is waited for before exit code 3."
    )
    database_timeout_seconds: int = Field(
        default=60, ge=2, description="After which a connection to PostgreSQL, or a lock there, is not waited for."
    )

    alerts_url: SecretStr | None = Field(
        default=None, description="Whom `asm alerts deliver` tells, where no address is given; printed masked."
    )
    alerts_wait_seconds: float = Field(
        default=30.0, ge=0, description="How long a digest waits for more of its practice and stage."
    )
    alerts_repost_seconds: float = Field(
        default=120.0, gt=0, description="How often Alertmanager, which forgets, is told again what fires."
    )
    heartbeat_seconds: float = Field(
        default=3600.0, ge=0, description="How often the heartbeat comes, through each channel; 0: never."
    )

    stall_limit_seconds: float = Field(
        default=60.0, gt=0, description="After which a partition with something waiting and no progress is a warning."
    )
    http_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of /metrics, /healthz and /readyz; none: nothing listens; 0: a free one, told in the log.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address that the port listens on; a container: 0.0.0.0.")

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["console", "json"] | None = Field(
        default=None, description="None: console where a person reads it."
    )

    @field_validator("kafka_min_insync")
    @classmethod
    def _can_be_written(cls, least: int | None, info: ValidationInfo) -> int | None:
        replicas = info.data.get("kafka_replication", 1)
        if least is not None and least > replicas:
            raise ValueError(
                f"{least} in-sync replicas of {replicas} (ASM_KAFKA_REPLICATION): nothing could be written"
            )
        return least


def with_http_port(settings: Settings, port: int | None) -> Settings:
    """Return settings with the port that a command line names, which goes before ``ASM_HTTP_PORT``."""
    return settings if port is None else settings.model_copy(update={"http_port": port})
