"""``docker-compose.yml`` fits the program: every setting is one of ours, every command is one of ours."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from infra.settings import Settings
from streams.commands import app

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "asm-streams"]


def environment(service: str) -> dict[str, str]:
    """What a service gets, with every variable of the shell replaced by a word."""
    return {k: re.sub(r"\$\{[^}]*\}", "word", v) for k, v in SERVICES[service]["environment"].items()}


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_are_settings_of_the_program(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"ASM_{name.upper()}" for name in Settings.model_fields}
    given = environment(service)
    assert set(given) - known == set()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.kafka_bootstrap, settings.partitions) == ("kafka:9092", 12)
    assert settings.database_url.get_secret_value() == "postgresql://asm:word@postgres/asm"


@pytest.mark.parametrize("service", [name for name in OURS if "command" in SERVICES[name]])
def test_the_command_of_a_service_is_a_command_of_the_program(service: str) -> None:
    told = CliRunner().invoke(app, [*SERVICES[service]["command"], "--help"])
    assert (told.exit_code, "Usage" in told.output) == (0, True)


def test_worker_and_projector_start_when_the_topics_are_there() -> None:
    waits = {name: SERVICES[name]["depends_on"]["topics"]["condition"] for name in ("worker", "projector")}
    assert waits == {"worker": "service_completed_successfully", "projector": "service_completed_successfully"}
    assert {"kafka", "postgres", "topics", "worker", "projector"} <= set(SERVICES)


def test_nothing_listens_outside_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_password_stands_in_the_file() -> None:
    secrets = [v for s in SERVICES.values() for k, v in s["environment"].items() if "PASSWORD" in k or "_KEY" in k]
    assert [secret for secret in secrets if not secret.startswith("${")] == []


def test_the_image_is_made_of_files_that_are_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "infra/container/Dockerfile").read_text(), re.MULTILINE)
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
