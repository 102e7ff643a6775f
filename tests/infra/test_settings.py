"""The configuration: from ASM_* alone, frozen, and without a secret in anything that prints."""

import json
import os
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from infra.rulebooks import DEFAULT_VINTAGE, load_rulebooks
from infra.settings import Settings, with_http_port


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start where nothing is configured."""
    for name in [name for name in os.environ if name.upper().startswith("ASM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_a_default() -> None:
    assert json.loads(Settings().model_dump_json()) == {
        "kafka_bootstrap": None,
        "kafka_dir": ".kafka",
        "kafka_port": 0,
        "kafka_security_protocol": "PLAINTEXT",
        "kafka_ca_file": None,
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_username": None,
        "kafka_password": None,
        "kafka_replication": 1,
        "kafka_min_insync": None,
        "namespace": "",
        "generation": "live",
        "partitions": None,
        "clock": "wall",
        "vintage": DEFAULT_VINTAGE,
        "areas_file": None,
        "test_identifiers": "refuse",
        "token_key": None,
        "token_key_version": 1,
        "database_url": "**********",
        "instance": None,
        "session_timeout_seconds": 8.0,
        "transaction_timeout_seconds": 20.0,
        "clock_margin_seconds": 1.0,
        "watermark_limit_seconds": 300.0,
        "feeds_file": None,
        "fetch_bytes": 8388608,
        "linger_seconds": 0.0,
        "restarts_max": 10,
        "unavailable_limit_seconds": 600.0,
        "database_timeout_seconds": 60,
        "alerts_url": None,
        "alerts_wait_seconds": 30.0,
        "alerts_repost_seconds": 120.0,
        "heartbeat_seconds": 3600.0,
        "stall_limit_seconds": 60.0,
        "http_port": None,
        "http_host": "127.0.0.1",
        "log_level": "info",
        "log_format": None,
    }


def test_the_sql_view_is_a_file_beside_the_program_until_another_is_named() -> None:
    assert Settings().database_url.get_secret_value() == "sqlite:///asm-streams.db"


def test_the_default_vintage_is_one_that_ships() -> None:
    assert sorted(load_rulebooks(Settings().vintage)) != []


@pytest.mark.parametrize("name", ["token_key", "kafka_password", "database_url", "alerts_url"])
def test_a_secret_prints_masked_however_the_settings_are_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ASM_{name.upper()}", "swordfish")
    settings = Settings()
    for shown in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
        assert "swordfish" not in shown
        assert "**********" in shown
    secret = getattr(settings, name)
    assert isinstance(secret, SecretStr)
    assert secret.get_secret_value() == "swordfish"


def test_settings_are_read_from_variables_in_capitals_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASM_PARTITIONS", "6")
    monkeypatch.setenv("asm_clock", "events")
    monkeypatch.setenv("ASM_KAFKA_DIR", "/var/lib/asm")
    settings = Settings()
    assert (settings.partitions, settings.clock, settings.kafka_dir) == (6, "events", Path("/var/lib/asm"))


def test_a_file_of_variables_beside_the_program_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASM_CLOCK=events\n")
    assert Settings().clock == "wall"


def test_a_variable_that_is_no_setting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings()
    monkeypatch.setenv("ASM_KAFKA_BOOTSTRAPS", "broker:9092")
    assert Settings() == before


def test_an_argument_that_is_no_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="kafka_bootstraps"):
        Settings.model_validate({"kafka_bootstraps": "broker:9092"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOCK", "sundial"),
        ("GENERATION", "Live"),
        ("GENERATION", "a/b"),
        ("PARTITIONS", "0"),
        ("TOKEN_KEY_VERSION", "0"),
        ("TEST_IDENTIFIERS", "yes"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_PORT", "nine"),
        ("HTTP_PORT", "65536"),
        ("STALL_LIMIT_SECONDS", "0"),
        ("KAFKA_REPLICATION", "0"),
        ("KAFKA_MIN_INSYNC", "0"),
        ("KAFKA_MIN_INSYNC", "2"),
        ("UNAVAILABLE_LIMIT_SECONDS", "-1"),
        ("DATABASE_TIMEOUT_SECONDS", "1"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_refused_by_its_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ASM_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [error["loc"] for error in refused.value.errors()] == [(name.lower(),)]


def test_as_many_replicas_as_there_are_may_have_to_be_in_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASM_KAFKA_REPLICATION", "3")
    monkeypatch.setenv("ASM_KAFKA_MIN_INSYNC", "3")
    assert (Settings().kafka_replication, Settings().kafka_min_insync) == (3, 3)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "clock", "events")  # noqa: B010 - written plainly, mypy refuses it first


def test_a_port_on_the_command_line_goes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASM_HTTP_PORT", "9101")
    ports = [with_http_port(Settings(), port).http_port for port in (None, 0, 9102)]
    assert ports == [9101, 0, 9102]
