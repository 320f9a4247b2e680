"""The Lambda function as a candidate: one process on each core."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.measure.servers import Servers
from bench.measure.trial import Processes
from bench.peers.process import peer_process


@contextmanager
def lambda_handler(servers: Servers, database: str) -> Iterator[Processes]:  # noqa: ARG001  it has no table
    cores = os.cpu_count() or 1
    with ExitStack() as stack:
        started = [
            peer_process(
                servers,
                f"lambda-{part}",
                "bench.peers.lambda_handler.invoker",
                str(part),
                str(cores),
                REDIS_URL=servers.broker.url,
            )
            for part in range(cores)
        ]
        yield {"handler": [stack.enter_context(each) for each in started]}
