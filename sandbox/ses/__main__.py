"""`python -m sandbox.ses`: serve until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import signal
import sys

from sandbox.http.announce import announce
from sandbox.http.server import Server
from sandbox.ses.errors import JournalError
from sandbox.ses.options import Options, parse
from sandbox.ses.simulator import Simulator


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    options = parse()
    try:
        asyncio.run(_serve(options))
    except (JournalError, OSError) as error:
        print(f"sandbox.ses: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    simulator = Simulator(options)
    server = Server(simulator.handle)
    publishing = asyncio.create_task(simulator.publish())
    try:
        host, port = await server.start(options.host, options.port)
        announce(f"http://{host}:{port}", options.port_file)
        await stop.wait()
    finally:
        await server.stop()
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        simulator.close()


if __name__ == "__main__":
    sys.exit(main())
