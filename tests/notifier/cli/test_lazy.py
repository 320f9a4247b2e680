"""`notifier` imports the module of a command only when that command runs."""

import subprocess
import sys

import pytest
import typer

from notifier.cli import app
from notifier.cli.lazy import COMMANDS, docstring, load, sources

HEAVY = ("sqlalchemy", "psycopg", "alembic", "celery", "redis", "boto3")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_that_is_read_from_the_source_is_that_of_the_command(name: str) -> None:
    assert load(name).help == docstring(COMMANDS[name])
    assert load(name).name == name


def test_every_command_is_listed_with_a_help_text() -> None:
    group = typer.main.get_command(app)
    assert set(sources()) >= {*COMMANDS, "bridge", "worker", "up"}
    assert all(group.get_command(None, name).help for name in sources())  # type: ignore[attr-defined]


def test_the_help_imports_no_client_of_a_server() -> None:
    code = f"""
import sys
from notifier.cli import main
sys.argv = ["notifier", "--help"]
try:
    main()
except SystemExit:
    pass
sys.exit(", ".join(name for name in {HEAVY} if name in sys.modules) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "redrive" in done.stdout


def test_a_name_that_is_nearly_a_commands_is_suggested() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "notifier", "staus"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'status'" in done.stderr
