"""The SES simulator as a process on 127.0.0.1, for as long as a `with` block lasts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson

from sandbox.embedded.allocation import temporary_folder
from sandbox.embedded.kept import Kept
from sandbox.embedded.processes import Child


@contextmanager
def ses_simulator(folder: Path, *options: str, kept: Kept | None = None) -> Iterator["SesServer"]:
    """A simulator. Its log is in `folder`. `options` are those of `python -m simulators.ses`.

    With `kept` it goes on with the journal in that folder, on the same port. Its inbox begins empty.
    """
    with temporary_folder() as home:
        journal, address = (kept.home if kept else home) / "accepted.jsonl", home / "address"
        # -P: a module in the working folder must not hide that of a library.
        python: list[str | Path] = [sys.executable, "-P", "-m"]
        words = [*python, "simulators.ses", "--journal", journal, "--port-file", address]
        port = ["--port", str(kept.port)] if kept else []
        with Child("ses", [*words, *port, *options], log=folder / "ses.log") as child:
            child.wait_until(address.exists)
            yield SesServer(address.read_text().strip(), journal, child)


class SesServer:
    """A running simulator: its address and journal, and requests to it."""

    def __init__(self, url: str, journal: Path, child: Child) -> None:
        self.url = url
        self.journal = journal
        self.child = child

    def accepted(self) -> int:
        """Mails accepted so far."""
        counted: int = self.get("/_sim/counts")["accepted"]
        return counted

    def recipients(self) -> list[str]:
        """Return the recipient of each accepted mail, from the journal on disk."""
        return [orjson.loads(line)["to"] for line in self.journal.read_bytes().splitlines()]

    def newest_mail(self) -> dict[str, Any] | None:
        """Return the last accepted mail as the inbox shows it."""
        mails = self.get("/_sim/inbox?limit=1")["mails"]
        return self.get(f"/_sim/inbox/{mails[0]['id']}") if mails else None

    def get(self, path: str) -> Any:
        """Return the JSON at this path: `get("/_sim/counts")`. Raise HTTPError if it refuses."""
        with urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310  the address of the simulator
            return orjson.loads(answer.read())
