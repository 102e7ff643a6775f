"""``asm console``: whom it lets in, and what it refuses before it listens."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.commands import app
from streams.commands.console import refuse_open_door


def ran(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["console", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "console.example.org"])  # noqa: S104 - it is refused
def test_it_listens_to_no_other_machine_unless_a_proxy_stands_in_front(host: str) -> None:
    code, said = ran("--host", host)
    assert code == 2
    assert "is reached by other machines, in clear" in said
    assert "--behind" in said
    refuse_open_door(host, "console.example.org")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_it_listens_on_this_machine(host: str) -> None:
    assert refuse_open_door(host, None) is None  # type: ignore[func-returns-value]


def test_a_scopes_file_that_cannot_be_is_a_wrong_use(tmp_path: Path) -> None:
    path = tmp_path / "scopes.toml"
    path.write_text("[[person]]\nname = 'Ana'\npractices = []")
    code, said = ran("--scopes", str(path))
    assert code == 2
    assert "Ana sees no practice" in said
