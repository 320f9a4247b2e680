"""`notifier up` as a developer uses it: change code, look at mails, stop, come back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import psutil
import pytest

from sandbox.embedded.allocation import temporary_folder
from tests.sandbox.liveness import alive, family
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

ROUTES = """
from notifier import Email, route
from words import subject

@route(table="activity", on=["INSERT", "MODIFY"], match={"type": ["hello"]}, channel="email")
def hello(event):
    return Email(to=event.new["to"], template="hello", context={"subject": subject()})
"""


class Up:
    """A running `notifier up --data`, its output, and the other terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home / "output.txt"
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("NOTIFIER_", "AWS_"))}
        self.environment = clean | {"NOTIFIER_ROUTES": "routes", "TMPDIR": str(home / "tmp"), "PYTHONPATH": ""}
        with self.output.open("w") as output:
            words = [sys.executable, "-P", "-m", "notifier", "up", "--data", str(home / "data")]
            self.process = subprocess.Popen(
                words,
                cwd=home / "app",
                env=self.environment,
                stderr=output,
                stdout=output,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            )

    def printed(self, text: str, times: int = 1) -> str:
        """Wait until it has printed the text so often. Return all that it has printed."""
        wait_until(lambda: self._has(text, times), seconds=300, message=text)
        return self.output.read_text()

    def _has(self, text: str, times: int) -> bool:
        printed = self.output.read_text()
        assert self.process.poll() is None, printed
        return printed.count(text) >= times

    def terminal(self, *words: str) -> str:
        """Run `notifier WORDS` in another terminal, after `eval "$(notifier env)"`. Return the output."""
        script = 'eval "$("$0" -P -m notifier env --data data)" && exec "$0" -P -m notifier "$@"'
        command = ["sh", "-euc", script, sys.executable, *words]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def variables(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.terminal("env", "--json", "--data", str(self.home / "data")))
        return found

    def links(self) -> dict[str, str]:
        rows = (line.split(maxsplit=1) for line in self.output.read_text().splitlines())
        return {row[0]: row[1] for row in rows if len(row) > 1 and row[1].startswith("http")}

    def mails(self) -> dict[str, str]:
        """The subject of each mail in the inbox, by recipient. Each has exactly one."""
        found = read(f"{self.links()['inbox']}/_sim/inbox?limit=500")["mails"]
        assert max(Counter(each["to"][0] for each in found).values(), default=1) == 1
        return {each["to"][0]: each["subject"] for each in found}


def read(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def started(home: Path) -> Iterator[Up]:
    up = Up(home)
    try:
        up.printed("In another terminal")
        yield up
    finally:
        up.process.kill()
        up.process.wait(30)


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_folder() as folder:  # if root runs the tests, no other user can enter pytest's folders
        folder.chmod(0o755)
        yield prepared(folder)


def prepared(home: Path) -> Path:
    for path, text in {
        "app/routes.py": ROUTES,
        "app/words.py": "def subject(): return 'one'",
        "app/templates/hello/subject.txt": "{{ subject }}",
        "app/templates/hello/body.txt": "Hello",
        "tmp/.keep": "",
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    return home


def writer(variables: dict[str, str]) -> Callable[[str], None]:
    """Writes an event to this recipient, by boto3 with nothing but the variables."""
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    table = session.resource(
        "dynamodb", endpoint_url=variables["AWS_ENDPOINT_URL_DYNAMODB"], region_name=variables["AWS_REGION"]
    ).Table("activity")

    def write(to: str) -> None:
        table.put_item(Item={"pk": to, "sk": "1", "type": "hello", "to": to})

    return write


def test_saved_code_is_taken_over_and_what_is_wrong_is_not(home: Path) -> None:
    with started(home) as up:
        up.terminal("put", "pk=a", "sk=1", "type=hello", "to=first@example.com")
        wait_until(lambda: up.mails() == {"first@example.com": "one"}, seconds=200)
        write, app, seconds = writer(up.variables()), home / "app", {}

        def saved(number: int, path: str, text: str, subject: str) -> None:
            (app / path).write_text(text)
            began = time.monotonic()
            up.printed("taken over in", number)
            write(to := f"{subject}{number}@example.com")
            wait_until(lambda: up.mails().get(to) == subject, seconds=200)
            seconds[f"{number} {path}"] = round(time.monotonic() - began, 2)

        saved(1, "words.py", "def subject(): return 'two'", "two")
        saved(2, "templates/hello/subject.txt", "three", "three")

        (app / "words.py").write_text("def subject():\n  return (")
        assert "words.py, line 2" in up.printed("not taken over")
        write("good@example.com")
        wait_until(lambda: up.mails().get("good@example.com") == "three", seconds=200)
        saved(3, "words.py", "def subject(): return 'four'", "three")
        (app / "routes.py").write_text(f"{ROUTES}\nimport nonsuch")
        assert "needs nonsuch" in up.printed("not taken over", 2)
        (app / "nonsuch.py").write_text("raise RuntimeError('not yet')")
        assert "RuntimeError: not yet" in up.printed("nonsuch.py:1")
        (app / "nonsuch.py").write_text("")
        up.printed("taken over in", 4)
        (app / "templates/hello/subject.txt").write_text("{{ subject }")
        assert "subject.txt" in up.printed("not taken over", 4).rpartition("not taken over")[2]
        saved(5, "templates/hello/subject.txt", "{{ subject }}", "four")
        print("seconds from save to mail:", seconds)


def test_nothing_is_lost_or_sent_twice_while_code_is_taken_over(home: Path) -> None:
    with started(home) as up:
        write, count = writer(up.variables()), 0
        for turn in range(3):
            (home / "app/words.py").write_text(f"def subject(): return 'turn {turn}'")
            while up.output.read_text().count("taken over in") <= turn:
                write(f"{count}@example.com")
                count += 1
        expected = {f"{each}@example.com" for each in range(count)}
        wait_until(lambda: len(set(read_journal(home))) == count, seconds=120)
        assert Counter(read_journal(home)) == Counter(expected)
        assert json.loads(up.terminal("audit", "--json"))


def read_journal(home: Path) -> list[str]:
    lines = (home / "data/ses/accepted.jsonl").read_text().splitlines()
    return [json.loads(line)["to"] for line in lines]


def test_what_up_keeps_survives_its_kill_and_its_end(home: Path) -> None:
    with started(home) as up:
        variables, links = up.variables(), up.links()
        assert answers(links["inbox"])
        wait_until(lambda: answers(links["flower"]), seconds=200)
        wait_until(lambda: answers(links["console"]), seconds=200)
        up.terminal("put", "pk=a", "sk=1", "type=hello", "to=first@example.com")
        wait_until(lambda: "first@example.com" in up.mails(), seconds=200)
        second = subprocess.run(
            [sys.executable, "-P", "-m", "notifier", "up", "--data", home / "data"],
            cwd=home / "app", env=up.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert f"in use by another `notifier up`, process {up.process.pid}" in second.stderr
        wait_until(lambda: len(psutil.Process(up.process.pid).children(recursive=True)) >= 10, seconds=200)
        processes = family(up.process.pid)
        up.process.kill()
        up.process.wait(30)
        wait_until(lambda: not alive(processes), seconds=30)
    with started(home) as up:
        assert (up.variables(), up.links()) == (variables, links)
        listed = json.loads(up.terminal("list", "--json"))["notifications"]
        assert len(listed) == 1
        up.terminal("put", "--update", "pk=a", "sk=1", "to=second@example.com")
        wait_until(lambda: up.mails() == {"second@example.com": "one"}, seconds=200)
        assert read_journal(home) == ["first@example.com", "second@example.com"]
        assert json.loads(up.terminal("audit", "--json"))
        processes = family(up.process.pid)
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(30) == 130
        wait_until(lambda: not alive(processes), seconds=10)
        for port in (variables["AWS_ENDPOINT_URL"], links["inbox"], links["flower"]):
            assert not answers(port)
