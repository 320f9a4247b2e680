"""The Celery service as a candidate."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure.servers import Servers
from bench.measure.trial import Processes
from bench.peers.plain_celery.database import create_tables
from bench.peers.process import peer_process

CONCURRENCY = 2


@contextmanager
def plain_celery(servers: Servers, database: str) -> Iterator[Processes]:
    create_tables(database)
    addresses = {"DATABASE_URL": database, "BROKER_URL": servers.broker.url}
    app = ("-A", "bench.peers.plain_celery.app", "worker", "--concurrency", str(CONCURRENCY))
    with (
        peer_process(servers, "plain-celery-worker", "celery", *app, **addresses) as worker,
        peer_process(servers, "plain-celery-reader", "bench.peers.plain_celery.reader", **addresses) as reader,
    ):
        yield {"reader": [reader], "worker": [worker]}
