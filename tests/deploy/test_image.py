"""The image's path of modules, made as the Dockerfile says in an environment of this machine."""

import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUTES = """\
from notifier import Email, Event, route


@route(table="activity", channel="email")
def hello(event: Event) -> Email | None:
    return None
"""


@pytest.fixture
def image(tmp_path: Path) -> "Image":
    return Image(tmp_path)


class Image:
    """An environment with the packages of this one, the lines of the Dockerfile about Python's path, and `/app`."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self.app.mkdir()
        venv.create(folder / "venv")
        self.bin = folder / "venv" / "bin"
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
        (site / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
        text = (ROOT / "Dockerfile").read_text().replace("/app", str(self.app))
        for command in re.findall(r"^RUN (echo .*)$", text, re.MULTILINE):
            self._run(["sh", "-c", command], {})
        given = " ".join(re.findall(r"^ENV (PATH=.*)$", text, re.MULTILINE)).split()
        variables = dict(each.split("=", 1) for each in given)
        self._variables = {name: value for name, value in variables.items() if name != "PATH"}

    def run(self, *words: str, **variables: str) -> str:
        """Run a program of the environment in /app. Return what it printed."""
        return self._run(words, {**self._variables, **variables})

    def _run(self, words: Sequence[str], variables: dict[str, str]) -> str:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("NOTIFIER_", "AWS_", "PYTHON"))}
        path = f"{self.bin}:{os.environ['PATH']}"
        done = subprocess.run(
            words,
            cwd=self.app,
            env=kept | {"PATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout[-1000:], done.stderr[-2000:])
        return done.stdout


def package(folder: Path) -> Path:
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    return folder


@pytest.mark.parametrize("words", [["worker", "--help"], ["console", "--help"], ["--help"]])
def test_packages_of_the_user_in_app_hide_none_of_ours(image: Image, words: list[str]) -> None:
    for name in ("workers", "web", "bridge"):
        package(image.app / name)
    image.run("python", "-m", "notifier", *words)


def test_flower_finds_the_app_of_the_workers(image: Image) -> None:
    """Celery imports the app with the working folder first on the path, unless it is on the path already."""
    package(image.app / "workers")
    url = {"NOTIFIER_DATABASE_URL": "postgresql://needs-none", "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0"}
    assert "celery_units.consumer:Consumer" in image.run(
        "python", "-m", "celery", "-A", "workers.app", "report", **url
    )


def test_the_users_routes_are_found_in_app_from_any_folder(image: Image) -> None:
    (package(image.app / "my_routes") / "notifications.py").write_text(ROUTES)
    (image.app / "email.py").write_text("raise SystemExit('this is not the module of the library')")
    code = "import os, email; os.chdir('/'); from notifier.routes.loading import load_routes as load"
    found = image.run("python", "-c", f"{code}; print([each.name for each in load('my_routes.notifications')])")
    assert found == "['hello']\n"
