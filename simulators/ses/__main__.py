"""`python -m simulators.ses`: serve until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import sys

from simulators.http.serve import run, serve_until_stopped
from simulators.ses.errors import JournalError
from simulators.ses.options import Options, parse
from simulators.ses.simulator import Simulator


async def _serve(options: Options) -> None:
    simulator = Simulator(options)
    publishing = asyncio.create_task(simulator.publish())
    try:
        await serve_until_stopped(simulator.handle, options.listen)
    finally:
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        simulator.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(run("simulators.ses", _serve(parse()), (OSError, JournalError)))
