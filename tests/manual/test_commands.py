"""Every command of README and of the tutorial is run as it stands there, on embedded servers and in fresh folders."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from sandbox.embedded.allocation import temporary_folder
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial.md")
NOT_RUN = {
    "make setup": "fetches all packages: tests/package/test_package.py installs them in an empty environment",
    "make test": "would run this test",
    "docker compose up -d --build --wait": "needs Docker: tests/docker/test_stack.py",
    "docker compose exec console notifier console-user eva --role admin": "needs Docker: tests/docker/test_stack.py",
    "docker compose restart bridge worker-email": "needs Docker: tests/docker/test_stack.py",
    "docker compose down": "needs Docker: tests/docker/test_stack.py",
    "docker compose exec bridge notifier put pk=user#7 sk=request#1 type=friend_request to=ana@example.com name=Ana "
    "from_name=Bo": "needs Docker: tests/docker/test_stack.py",
    "docker compose run --rm operator status": "needs Docker: tests/docker/test_stack.py",
}
"""Commands of the pages that are not run here, each with the reason."""
ENV = 'eval "$(notifier env)"'

pytestmark = pytest.mark.timeout(600)


def blocks(page: str) -> list[list[str]]:
    """Return the commands of each block for the shell, without their comments."""
    found = re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [
        [re.split(r"\s+# ", line[2:])[0] for line in each.splitlines() if line.startswith("$ ")] for each in found
    ]


class Site(NamedTuple):
    """What somebody has who reads the page: the clone, a folder of their own, and what the shell finds."""

    clone: Path
    folder: Path
    environment: dict[str, str]

    def run(self, commands: list[str]) -> str:
        """Run the commands of one block in one shell; return what they print."""
        words = ["bash", "-euo", "pipefail", "-c", "\n".join(map(self.shell, commands))]
        where = self.clone if is_of_the_clone(commands) else self.folder
        done = subprocess.run(
            words, cwd=where, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        return done.stdout

    def shell(self, command: str) -> str:
        """Return the command as it is run: with the path of the clone; `make` does not install the packages again."""
        command = command.replace("/path/to/notifier", str(self.clone))
        return re.sub(r"^make ", "make --old-file=.venv/.ready ", command)


def is_of_the_clone(commands: list[str]) -> bool:
    return any(re.match(r"make |cp |sed |source \.venv", each) for each in commands)


@pytest.fixture
def site() -> Iterator[Site]:
    with temporary_folder() as folder:  # if root runs the tests, no other user can enter pytest's folders
        folder.chmod(0o755)
        for name in ("clone", "mine", "tmp"):
            (folder / name).mkdir()
        for path in ROOT.iterdir():
            if path.name not in {".git", ".env", ".venv", "build"}:
                (folder / "clone" / path.name).symlink_to(path)
        (folder / "clone/.venv").symlink_to(sys.prefix)
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("NOTIFIER_", "AWS_", "PYTEST"))}
        path = f"{sys.prefix}/bin:{os.environ['PATH']}"
        yield Site(folder / "clone", folder / "mine", clean | {"PATH": path, "TMPDIR": str(folder / "tmp")})


def write_files(page: str, folder: Path) -> None:
    """Write the Python files that the page shows, by the name in their first line."""
    text = (ROOT / page).read_text()
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", code)
        assert name, code
        (folder / name[1]).write_text(code)


@contextmanager
def running(site: Site, commands: list[str]) -> Iterator[dict[str, str]]:
    """Run the block that starts `notifier up`; yield the addresses that it prints, and end it by Ctrl-C."""
    output = site.folder.parent / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-euc", "\n".join(map(site.shell, commands))],
            cwd=site.folder,
            env=site.environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def is_up() -> bool:
        assert process.poll() is None, output.read_text()
        return "In another terminal" in output.read_text()

    try:
        wait_until(is_up, seconds=200)
        rows = [line.split(maxsplit=1) for line in output.read_text().splitlines()]
        yield {row[0]: row[1] for row in rows if len(row) == 2 and row[1].startswith("http")}
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def with_variables(block: list[str]) -> list[str]:
    """Return the block with the variables of `notifier up`: here each block has a shell of its own."""
    needed = any(each.startswith("notifier put") for each in block) and ENV not in block
    return [ENV, *block] if needed else block


def mails(inbox: str) -> list[Any]:
    with urlopen(f"{inbox}/_sim/inbox?limit=10", timeout=10) as answer:
        found: list[Any] = json.loads(answer.read())["mails"]
    return found


def subjects(inbox: str) -> dict[str, str]:
    return {mail["to"][0]: mail["subject"].strip() for mail in mails(inbox)}


def to_run(page: str) -> list[list[str]]:
    return [left for block in blocks(page) if (left := [each for each in block if each not in NOT_RUN])]


def test_each_command_of_the_readme_does_what_it_says(site: Site) -> None:
    printed = [site.run(block) for block in to_run("README.md")]
    assert "Each of 1,000 events became exactly one mail" in printed[0]
    assert (site.clone / ".env").is_file()


def test_each_command_of_the_tutorial_does_what_it_says(site: Site) -> None:
    write_files("docs/tutorial.md", site.folder)
    todo = to_run("docs/tutorial.md")
    started = todo.index(["NOTIFIER_ROUTES=notifications notifier up"])
    printed = [site.run(block) for block in todo[:started]]
    with running(site, todo[started]) as addresses:
        printed += [site.run(with_variables(block)) for block in todo[started + 1 :]]
        routes = site.folder / "notifications.py"
        before, after = 'item["from_name"]', 'item.get("from_name", "Somebody")'
        assert f"`{after}`" in (ROOT / "docs/tutorial.md").read_text()
        routes.write_text(routes.read_text().replace(before, after))
        wait_until(lambda: len(subjects(addresses["inbox"])) == 3, seconds=120)
        found = subjects(addresses["inbox"])
    bo = "Bo wants to connect"
    assert found == {
        "ana@example.com": bo,
        "bounce@simulator.amazonses.com": bo,
        "ben@example.com": "Somebody wants to connect",
    }
    said = (site.folder.parent / "output.txt").read_text()
    assert said.startswith("Starting servers and processes")
    assert "routes      notifications (" in said
    assert "notifications.py): friend_request" in said
    assert "friend_request: bounced: " in said
    assert "will be tried again: KeyError: 'from_name' (notifications.py, line 11)\n" in said
    assert "route failed" not in said
    assert "\nStopping...\n" in said
    assert any("2 passed" in each for each in printed)
    assert any("Bo wants to connect" in each for each in printed)
    assert "NOTIFIER_ROUTES=my_routes.notifications" in (site.clone / ".env").read_text()


def test_what_is_not_run_is_named_with_the_reason_and_still_stands_on_a_page() -> None:
    commands = {command for page in PAGES for block in blocks(page) for command in block}
    assert NOT_RUN.keys() <= commands
    assert len(commands - NOT_RUN.keys()) > 8
    for reason in NOT_RUN.values():
        for path in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / path).is_file(), reason
