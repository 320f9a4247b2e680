"""The stub as a process, for as long as a block lasts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson

from sandbox.embedded.allocation import temporary_folder
from sandbox.embedded.processes import Child

ROOT = Path(__file__).parents[2]


@contextmanager
def ses_stub(folder: Path) -> Iterator["SesStub"]:
    """A new stub; its log lies in `folder`."""
    with temporary_folder() as home:
        address = home / "address"
        command: list[str | Path] = [sys.executable, "-m", "bench.ses_stub", address]
        with Child("ses stub", command, log=folder / "ses.log", cwd=ROOT) as child:
            child.wait_until(address.exists)
            yield SesStub(address.read_text().strip(), child)


class SesStub:
    """Where it listens, and what it accepted."""

    def __init__(self, url: str, child: Child) -> None:
        self.url = url
        self.child = child

    def counts(self) -> dict[str, int]:
        """Mails `accepted`; those of them that are `duplicated`, beyond the first of a recipient; `requests`."""
        counts: dict[str, int] = self._ask("GET", "counts")
        return counts

    def accepted_at(self) -> dict[str, float]:
        """For each recipient, when the first mail was accepted, in Unix seconds."""
        times: dict[str, float] = self._ask("GET", "mails")
        return times

    def reset(self) -> None:
        self._ask("POST", "reset")

    def _ask(self, method: str, what: str) -> Any:
        request = Request(f"{self.url}/_stub/{what}", method=method)  # noqa: S310  our own address
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return orjson.loads(answer.read())
