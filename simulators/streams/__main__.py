"""`python -m simulators.streams`: serve until SIGTERM or SIGINT."""

import sys

from simulators.http.serve import run, serve_until_stopped
from simulators.shared.errors import ApiError
from simulators.streams.options import Options, parse
from simulators.streams.simulator import Simulator


async def _serve(options: Options) -> None:
    simulator = Simulator(options.behaviour)
    for table in options.tables:
        simulator.state.model.create_table(table, options.shards)
    await serve_until_stopped(simulator.handle, options.listen)


if __name__ == "__main__":
    sys.exit(run("simulators.streams", _serve(parse()), (OSError, ApiError)))
