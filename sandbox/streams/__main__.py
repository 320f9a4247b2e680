"""`python -m sandbox.streams`: serve until SIGTERM or SIGINT."""

import asyncio
import signal
import sys

from sandbox.http.announce import announce
from sandbox.http.server import Server
from sandbox.streams.errors import ApiError
from sandbox.streams.options import Options, parse
from sandbox.streams.simulator import Simulator


def main() -> int:
    options = parse()
    try:
        asyncio.run(_serve(options))
    except (ApiError, OSError) as error:
        print(f"sandbox.streams: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    simulator = Simulator(options.behaviour)
    for table in options.tables:
        simulator.world.model.create_table(table, options.shards)
    server = Server(simulator.handle)
    try:
        host, port = await server.start(options.host, options.port)
        announce(f"http://{host}:{port}", options.port_file)
        await stop.wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    sys.exit(main())
