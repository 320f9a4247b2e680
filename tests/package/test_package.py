"""The package as somebody gets it who has no clone: it is built, installed in an empty environment, and run."""

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.embedded.allocation import temporary_folder

ROOT = Path(__file__).parents[2]
EVENTS = 50

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source distribution, by the end of their names. The wheel is made from the other."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], folder)
    return {"whl" if path.suffix == ".whl" else "tar.gz": path for path in folder.iterdir()}


def run(words: Sequence[str], folder: Path) -> str:
    """Run a program without this project on its path or in its variables; return what it prints."""
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("NOTIFIER_", "AWS_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(words, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout


def test_both_have_the_name_that_is_ours(built: dict[str, Path]) -> None:
    assert built.keys() == {"whl", "tar.gz"}
    assert all(path.name.startswith("dynamodb_notifier-") for path in built.values())


def test_the_wheel_has_what_runs_and_no_tests(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["whl"]) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"bridge", "celery_units", "examples", "notifier", "sandbox", "simulators", "web", "workers"}
    migrations = {f"notifier/migrations/versions/{path.name}" for path in (ROOT / "alembic/versions").glob("*.py")}
    assert migrations <= set(names)
    statements = {str(path.relative_to(ROOT)) for top in tops for path in (ROOT / top).rglob("*.sql")}
    assert "sandbox/sql/new_failures.sql" in statements
    assert statements <= set(names)


def test_the_source_has_the_tests_and_the_locks_and_is_small(built: dict[str, Path]) -> None:
    with tarfile.open(built["tar.gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "requirements.lock", "docs/tutorial.md", "mkdocs.yml", "LICENSE"} <= names
    assert built["tar.gz"].stat().st_size < 4e6


def test_in_an_empty_environment_the_demo_makes_one_mail_of_each_event(built: dict[str, Path]) -> None:
    """With the locked versions of what the wheel asks for. A package that is needed and not asked for is missing."""
    with temporary_folder() as folder:  # if root runs the tests, no other user can enter pytest's folders
        folder.chmod(0o755)
        venv.create(folder / "venv", with_pip=True)
        lock = re.sub(r" \\\n +--hash=\S+", "", (ROOT / "requirements.lock").read_text())
        (folder / "constraints.txt").write_text(lock)
        python = str(folder / "venv/bin/python")
        wanted = f"{built['whl']}[embedded,simulators]"
        run([python, "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", wanted], folder)
        where = run([python, "-c", "import notifier; print(notifier.__file__)"], folder)
        assert where.startswith(str(folder))
        (folder / "mine").mkdir()
        result = json.loads(
            run([str(folder / "venv/bin/notifier"), "demo", "--events", str(EVENTS), "--json"], folder / "mine")
        )
    assert (result["accepted"], result["lost"], result["duplicated"]) == (EVENTS, 0, 0)
