"""`python -m simulators.streams`: serve until SIGTERM or SIGINT."""

import asyncio
import sys

from simulators.http.serve import serve_until_stopped
from simulators.streams.errors import ApiError
from simulators.streams.options import Options, parse
from simulators.streams.simulator import Simulator


def main() -> int:
    options = parse()
    try:
        asyncio.run(_serve(options))
    except (ApiError, OSError) as error:
        print(f"simulators.streams: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: Options) -> None:
    simulator = Simulator(options.behaviour)
    for table in options.tables:
        simulator.world.model.create_table(table, options.shards)
    await serve_until_stopped(simulator.handle, options.host, options.port, options.port_file)


if __name__ == "__main__":
    sys.exit(main())
