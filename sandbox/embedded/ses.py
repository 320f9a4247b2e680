"""The SES simulator as a process on 127.0.0.1, for as long as a block lasts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson

from sandbox.embedded.allocation import temporary_folder
from sandbox.embedded.processes import Child


@contextmanager
def ses_simulator(folder: Path, *options: str) -> Iterator["SesServer"]:
    """A new simulator; its log lies in `folder`. `options` are those of `python -m simulators.ses`."""
    with temporary_folder() as home:
        journal, address = home / "accepted.jsonl", home / "address"
        # -P: no file of the working folder takes a library's place.
        python: list[str | Path] = [sys.executable, "-P", "-m"]
        words = [*python, "simulators.ses", "--journal", journal, "--port-file", address]
        with Child("ses", [*words, *options], log=folder / "ses.log") as child:
            child.wait_until(address.exists)
            yield SesServer(address.read_text().strip(), journal, child)


class SesServer:
    """Where it listens, and what it accepted."""

    def __init__(self, url: str, journal: Path, child: Child) -> None:
        self.url = url
        self.journal = journal
        self.child = child

    def accepted(self) -> int:
        """Mails accepted so far."""
        counted: int = self.get("/_sim/counts")["accepted"]
        return counted

    def recipients(self) -> list[str]:
        """Of each accepted mail, as the journal on disk has it."""
        return [orjson.loads(line)["to"] for line in self.journal.read_bytes().splitlines()]

    def newest_mail(self) -> dict[str, Any] | None:
        """The last accepted mail as the inbox shows it."""
        mails = self.get("/_sim/inbox?limit=1")["mails"]
        return self.get(f"/_sim/inbox/{mails[0]['id']}") if mails else None

    def get(self, path: str) -> Any:
        with urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310  our own address
            return orjson.loads(answer.read())
