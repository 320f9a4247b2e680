"""From the version before to this one and back, under load: the schema is migrated while processes of the version
before work, both work beside each other, and then those of the version before alone on the new schema.

The version before is the oldest commit that runs on this schema: its newest migration is OLDEST_PROGRAM or a later
one, and not that of this version. Skipped where git has none.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notifier.database.engine import connect
from notifier.database.schema import OLDEST_PROGRAM, migrate, schema_head
from notifier.outbox import Report
from sandbox.embedded.processes import Child
from tests.chaos.environment import World, running_world
from tests.refusals.running_system import RunningSystem

pytestmark = pytest.mark.timeout(420)

ROOT = Path(__file__).parents[2]
VERSIONS = "alembic/versions/"
EVENTS = 400
SECONDS = 90.0
LAUNCHER = '''"""Starts a command of an older program, which may refuse a newer schema although it runs on it."""
import notifier.database.schema as schema

if not hasattr(schema, "OLDEST_PROGRAM"):
    schema._version = lambda connection: schema.schema_head()

from notifier.__main__ import main

if __name__ == "__main__":
    main()
'''


def git(*words: str) -> bytes:
    """What git says; empty where it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def migrations(commit: str) -> set[str]:
    listed = git("ls-tree", "--name-only", commit, VERSIONS).decode().split()
    return {Path(each).name for each in listed if each.endswith(".py")}


def commit_before() -> str | None:
    """The oldest commit that runs on this schema and has an older one; None where git does not have it."""
    if not shutil.which("git") or schema_head() == OLDEST_PROGRAM:
        return None
    ours = {each.name for each in (ROOT / VERSIONS).glob("*.py")}
    for change in reversed(git("rev-list", "HEAD", "--", VERSIONS).decode().split()):
        theirs = migrations(f"{change}^")
        newest = max(theirs, default="").partition("_")[0]
        if OLDEST_PROGRAM <= newest < schema_head() and theirs <= ours:
            return f"{change}^"
    return None


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The tree of the version before."""
    if (commit := commit_before()) is None:
        pytest.skip("the version before was not tried: git has no commit that runs on this schema")
    folder = tmp_path / "before"
    with tarfile.open(fileobj=BytesIO(git("archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    (folder / "older.py").write_text(LAUNCHER)
    return folder


class Versions:
    """Processes of both versions on the servers of a world."""

    def __init__(self, world: World, system: RunningSystem, before: Path, folder: Path) -> None:
        self._world, self.system, self._before, self._folder = world, system, before, folder

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
        given = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        return kept | given | self._world.environment | {"PYTHONPATH": str(self._before)}

    def run_older(self, *words: str) -> None:
        """A command of the version before, to its end."""
        command = [sys.executable, "-P", "-m", "older", *words]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def older(self, name: str, *words: str) -> Child:
        """A process of the version before."""
        heartbeats = self._folder / "heartbeats" / name
        heartbeats.mkdir(parents=True)
        environment = self.environment() | {"NOTIFIER_HEARTBEAT_FOLDER": str(heartbeats)}
        command = [sys.executable, "-P", "-m", "older", *words]
        return Child(name, command, log=self._folder / f"{name}.log", env=environment)

    def newer(self, name: str, *words: str) -> Child:
        return self.system.start(name, *words)


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def worker(name: str) -> tuple[str, ...]:
    return ("worker", "email", "--concurrency", "4", "--name", f"{name}@%h")


def test_the_version_before_works_on_this_schema_and_takes_over_again(
    before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    folder = tmp_path / "logs"
    folder.mkdir()
    with running_world(folder) as world, RunningSystem(world, folder) as system:
        world.postgres.execute("DROP DATABASE notifier WITH (FORCE)")
        world.postgres.create_database("notifier")
        url = world.postgres.url("notifier")
        versions = Versions(world, system, before, folder)
        versions.run_older("migrate")
        engine = connect(url)
        assert revision(engine) != schema_head()

        old = [versions.older("bridge-old", "bridge"), versions.older("worker-old", *worker("old"))]
        system.feed(EVENTS)
        system.until(lambda: system.accepted() > EVENTS / 10, SECONDS)
        migrate(url)  # under load
        assert revision(engine) == schema_head()
        system.feed(EVENTS)
        system.until(lambda: system.accepted() > EVENTS, SECONDS)

        new = [versions.newer("worker-new", *worker("new")), versions.newer("bridge-new", "bridge")]
        system.feed(EVENTS)
        system.until(lambda: " ready." in new[0].log.read_text(), SECONDS)
        for each in old:
            each.stop()
            assert each.exit_code == 0, each.log
        system.feed(EVENTS)
        system.until(lambda: system.accepted() >= 4 * EVENTS, SECONDS)

        back = [versions.older("worker-back", *worker("back")), versions.older("bridge-back", "bridge")]
        system.feed(EVENTS)
        for each in new:
            each.stop()
            assert each.exit_code == 0, each.log
        system.feed(EVENTS)
        system.until(lambda: system.accepted() >= 6 * EVENTS, SECONDS)
        system.until(lambda: Report(engine).totals().get("sent", 0) == system.fed, SECONDS)
        for each in back:
            each.stop()

        mails = system.mails()
        assert set(mails) == system.expected()
        assert sum(mails.values()) == system.fed == 6 * EVENTS, "a mail was sent twice"
        shards, stranded = Report(engine).audit()
        assert not stranded
        assert sum(each["records_read"] for each in shards) == system.fed
        engine.dispose()
