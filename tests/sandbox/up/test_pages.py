"""The processes with a page, in a folder of a user."""

import os
import subprocess
import sys
from pathlib import Path

from sandbox.up.pages import PAGES


def test_flower_does_not_take_a_package_workers_of_the_user_for_that_of_notifier(tmp_path: Path) -> None:
    """Celery puts its working folder first on the path: `report` loads the app as `flower` does."""
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "__init__.py").write_text("")
    logs = tmp_path / "logs"
    logs.mkdir()
    (page,) = (each for each in PAGES if each.name == "flower")
    given = [each.format(port=1, folder=logs) for each in page.arguments]
    words = [*given[: given.index("flower")], "report"]
    servers = {"NOTIFIER_DATABASE_URL": "postgresql://needs-none", "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", page.module, *words],
        cwd=tmp_path,
        env=os.environ | servers,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "celery_units.consumer:Consumer" in done.stdout
