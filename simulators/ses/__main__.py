"""`python -m simulators.ses`: serve until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import sys

from simulators.http.serve import serve_until_stopped
from simulators.ses.errors import JournalError
from simulators.ses.options import Options, parse
from simulators.ses.simulator import Simulator


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    options = parse()
    try:
        asyncio.run(_serve(options))
    except (JournalError, OSError) as error:
        print(f"simulators.ses: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: Options) -> None:
    simulator = Simulator(options)
    publishing = asyncio.create_task(simulator.publish())
    try:
        await serve_until_stopped(simulator.handle, options.host, options.port, options.port_file)
    finally:
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        simulator.close()


if __name__ == "__main__":
    sys.exit(main())
