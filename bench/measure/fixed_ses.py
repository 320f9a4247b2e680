"""A server that accepts every mail: `python -m bench.measure.fixed_ses --port-file PATH`.

It does not read the requests, so that it needs little CPU and the client is measured.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.embedded.processes import Child
from simulators.http.messages import Request
from simulators.http.replies import Response, json_response
from simulators.http.serve import Listen, serve_until_stopped

ENTRIES = 50
"""Entries of every bulk call: the response has results for so many."""
_MESSAGE_ID = "0102018c0a1b2c3d-01234567-89ab-cdef-0123-456789abcdef-000000"
_ONE = json_response({"MessageId": _MESSAGE_ID})
_MANY = json_response({"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": _MESSAGE_ID}] * ENTRIES})


@contextmanager
def fixed_ses(folder: Path) -> Iterator[str]:
    """The address of the server, which runs for as long as the block lasts."""
    address = folder / "address"
    with Child("fixed", [sys.executable, "-m", __name__, "--port-file", address], log=folder / "fixed.log") as child:
        child.wait_until(address.exists)
        yield address.read_text().strip()


def _answer(request: Request) -> Response:
    return _MANY if request.path.endswith("bulk-emails") else _ONE


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.measure.fixed_ses", description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True)
    asyncio.run(serve_until_stopped(_answer, Listen(port_file=parser.parse_args().port_file)))


if __name__ == "__main__":
    main()
