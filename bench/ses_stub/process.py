"""The stub as a process, for as long as a `with` block lasts."""

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
    """A new stub; its log is in `folder`."""
    with temporary_folder() as home:
        address = home / "address"
        command: list[str | Path] = [sys.executable, "-m", "bench.ses_stub", address]
        with Child("ses stub", command, log=folder / "ses.log", cwd=ROOT) as child:
            child.wait_until(address.exists)
            yield SesStub(address.read_text().strip(), child)


class SesStub:
    """A running stub: its address, and what it accepted."""

    def __init__(self, url: str, child: Child) -> None:
        self.url = url
        self.child = child

    def counts(self) -> dict[str, int]:
        """`accepted` mails; those of them that are `duplicated`, after the first of a recipient; and `requests`."""
        counts: dict[str, int] = self._request("GET", "counts")
        return counts

    def accepted_at(self) -> dict[str, float]:
        """When the first mail of each recipient was accepted, in Unix seconds."""
        times: dict[str, float] = self._request("GET", "mails")
        return times

    def reset(self) -> None:
        """Forget all mails."""
        self._request("POST", "reset")

    def _request(self, method: str, what: str) -> Any:
        request = Request(f"{self.url}/_stub/{what}", method=method)  # noqa: S310  the address of the stub
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return orjson.loads(answer.read())
