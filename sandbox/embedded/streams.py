"""The streams simulator as a process on 127.0.0.1, for as long as a `with` block lasts.

Only tests and benchmarks use it: the wheel has neither this module nor `simulators.streams`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson

from sandbox.embedded.allocation import temporary_folder
from sandbox.embedded.processes import Child


@contextmanager
def streams_simulator(folder: Path, *options: str) -> Iterator["StreamsServer"]:
    """A new simulator. Its log is in `folder`. `options` are those of `python -m simulators.streams`."""
    with temporary_folder() as home:
        address = home / "address"
        words: list[str | Path] = [sys.executable, "-m", "simulators.streams", "--port-file", address]
        with Child("streams", [*words, *options], log=folder / "streams.log") as child:
            child.wait_until(address.exists)
            yield StreamsServer(address.read_text().strip(), child)


class StreamsServer:
    """A running simulator: its address, and requests to its control API. They raise HTTPError if it refuses."""

    def __init__(self, url: str, child: Child) -> None:
        self.url = url
        self.child = child

    def post(self, command: str, **body: Any) -> Any:
        """Return the JSON that answers POST /_sim/COMMAND: `post("split", shard="shardId-...")`."""
        return self._send("POST", command, body)

    def get(self, what: str) -> Any:
        """Return the JSON that answers GET /_sim/WHAT: `get("truth?records=0")`."""
        return self._send("GET", what)

    def add_faults(self, *rules: dict[str, Any]) -> Any:
        """Add rules to the fault plan: `add_faults({"kind": "throttle", "times": 3})`."""
        return self._send("POST", "faults", rules)

    def clear_faults(self) -> None:
        """End all faults."""
        self._send("DELETE", "faults")

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else orjson.dumps(body)
        request = Request(f"{self.url}/_sim/{path}", data, method=method)  # noqa: S310  the address of the simulator
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return orjson.loads(answer.read())
