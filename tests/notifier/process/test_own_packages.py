"""Folders of a user that have the name of a package of Notifier: `workers`, `web`, `bridge`."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from notifier.process.own_packages import PACKAGES, check_not_hidden

ROOT = Path(__file__).parents[3]
ROUTES = """\
from notifier import Email, Event, route


@route(table="activity", channel="email")
def hello(event: Event) -> Email | None:
    return None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working folder of a user, with packages `workers` and `web`, and routes in one of them."""
    for name in ("workers", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "workers" / "notifications.py").write_text(ROUTES)
    (tmp_path / "workers" / "users.py").write_text("")
    return tmp_path


def run(words: Sequence[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python without `folder`, in which it runs, at the start of its path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFIER_", "AWS_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-P", *words],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def refused(words: str, folder: Path, **variables: str) -> str:
    """Return the only line of `notifier WORDS`, which ends with 2."""
    done = run(["-m", "notifier", *words.split()], folder, **variables)
    assert (done.returncode, done.stdout) == (2, ""), done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("words", "package"),
    [("worker --help", "workers"), ("console --help", "web"), ("worker email", "workers")],
)
def test_a_package_that_hides_ours_is_named_in_one_line(folder: Path, words: str, package: str) -> None:
    assert refused(words, folder, PYTHONPATH=str(folder)) == (
        f"notifier: the package {package} of Notifier is hidden by {folder / package}, which comes first on Python's "
        f"path. Rename it, or take {folder} off PYTHONPATH: `notifier` finds the module of NOTIFIER_ROUTES in its "
        "working folder without that"
    )


def test_the_list_of_commands_has_the_others(folder: Path) -> None:
    done = run(["-m", "notifier", "--help"], folder, PYTHONPATH=str(folder), COLUMNS="400")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Cannot run: the package web of Notifier is hidden by") == 3


def test_a_command_that_imports_what_is_hidden_later_says_the_same(folder: Path) -> None:
    """The channels of a route with a fallback are loaded: they are in `workers`."""
    (folder / "mine.py").write_text(ROUTES.replace('"email"', '["email", "smtp"]'))
    line = refused("routes", folder, PYTHONPATH=str(folder), NOTIFIER_ROUTES="mine")
    assert line.startswith(f"notifier: the package workers of Notifier is hidden by {folder / 'workers'}, ")


@pytest.mark.parametrize("file", ["web.py", "bridge.py"])
def test_a_file_that_hides_ours_is_named(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("")
    command = {"web.py": "console", "bridge.py": "bridge"}[file]
    assert f" is hidden by {tmp_path / file}, " in refused(f"{command} --help", tmp_path, PYTHONPATH=str(tmp_path))


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    done = run(["-m", "notifier", "worker", "--help"], tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_in_the_working_folder_it_hides_nothing(folder: Path) -> None:
    for words in (["worker", "--help"], ["console", "--help"], ["--help"]):
        done = run(["-m", "notifier", *words], folder)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["up", "routes"])
def test_routes_in_a_folder_of_that_name_are_told_to_move(folder: Path, words: str) -> None:
    assert refused(words, folder, NOTIFIER_ROUTES="workers.notifications") == (
        f"notifier: NOTIFIER_ROUTES=workers.notifications: {folder / 'workers/notifications.py'} cannot be imported, "
        "because Notifier has a package workers of its own: rename workers, or put the routes elsewhere"
    )


def test_routes_in_a_file_of_that_name_are_told_to_move(tmp_path: Path) -> None:
    (tmp_path / "bridge.py").write_text(ROUTES)
    line = refused("routes", tmp_path, NOTIFIER_ROUTES="bridge")
    assert f"{tmp_path / 'bridge.py'} cannot be imported, because Notifier has a package bridge of its own" in line


@pytest.mark.parametrize(
    ("imports", "needs"), [("import workers.users", "workers.users"), ("from workers import users", "workers")]
)
def test_what_routes_import_of_such_a_folder_is_named(folder: Path, imports: str, needs: str) -> None:
    (folder / "mine.py").write_text(f"{imports}\n{ROUTES}")
    line = refused("routes", folder, NOTIFIER_ROUTES="mine")
    assert line.startswith(f"notifier: NOTIFIER_ROUTES=mine needs {needs}: {folder / 'workers'}")
    assert line.endswith("Notifier has a package workers of its own: rename workers, or put the routes elsewhere")


def test_a_warning_says_that_routes_are_those_of_our_examples(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "notifications.py").write_text(ROUTES)
    done = run(["-m", "notifier", "routes"], tmp_path, NOTIFIER_ROUTES="examples.notifications")
    assert done.returncode == 0, done.stderr
    assert "the routes are those of Notifier's own package" in done.stderr + done.stdout
    assert str(tmp_path / "examples" / "notifications.py") in done.stderr + done.stdout


def test_all_packages_of_the_wheel_are_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert frozenset(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    for name in PACKAGES:
        check_not_hidden(f"{name}.any")
