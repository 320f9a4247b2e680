"""A process with all embedded servers as children, which tests end in different ways."""

import json
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from sandbox.embedded.allocation import temporary_folder
from sandbox.embedded.ministack import ministack
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.processes import Child, stopped_by_signals
from sandbox.embedded.redis import embedded_redis


def main(report: Path) -> None:
    """Write the process ids to `report`, then wait for the end of standard input."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
    with ExitStack() as stack:
        stack.enter_context(stopped_by_signals())
        folder = stack.enter_context(temporary_folder())
        servers = [
            stack.enter_context(embedded_postgres(folder)),
            stack.enter_context(embedded_redis(folder)),
            stack.enter_context(ministack(folder)),
            stack.enter_context(Child("pool", ["sh", "-c", "sleep 1000 & wait"], log=folder / "pool.log")),
        ]
        unfinished = report.with_suffix(".new")
        unfinished.write_text(json.dumps([server.pid for server in servers]))
        unfinished.rename(report)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
