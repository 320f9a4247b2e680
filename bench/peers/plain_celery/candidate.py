"""The service on the parts of a benchmark."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure.servers import Servers
from bench.measure.trial import Processes
from bench.peers.plain_celery.database import create_tables
from bench.peers.process import peer_process

CONCURRENCY = 2


@contextmanager
def plain_celery(parts: Servers, database: str) -> Iterator[Processes]:
    create_tables(database)
    servers = {"DATABASE_URL": database, "BROKER_URL": parts.broker.url}
    app = ("-A", "bench.peers.plain_celery.app", "worker", "--concurrency", str(CONCURRENCY))
    with (
        peer_process(parts, "plain-celery-worker", "celery", *app, **servers) as worker,
        peer_process(parts, "plain-celery-reader", "bench.peers.plain_celery.reader", **servers) as reader,
    ):
        yield {"reader": [reader], "worker": [worker]}
