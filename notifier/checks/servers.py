"""The questions that readiness asks servers. Each has a connection of its own: others may be in use."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from notifier.broker import Queue
from notifier.checks.asked import Asked
from notifier.checks.process_checks import Check
from notifier.database.engine import connect
from notifier.database.errors import DatabaseError, cause
from notifier.database.server import server_of

_PATIENCE_SECONDS = 5


@contextmanager
def asking(questions: Sequence[Asked], *, wanted: bool) -> Iterator[list[Check]]:
    """Ask during the block, and give a check for each question. If not `wanted`, ask no server and give none."""
    if not wanted:
        yield []
        return
    for each in questions:
        each.start()
    try:
        yield [Check(each.name, each.trouble) for each in questions]
    finally:
        for each in questions:
            each.stop()


def database_question(url: str, application: str) -> Asked:
    """Return the question whether Postgres answers and takes writes. pg_stat_activity shows the `application`."""
    engine = connect(url, pool_size=1, application=application, patience=_PATIENCE_SECONDS)

    def ask() -> str:
        try:
            return "" if server_of(engine).takes_writes else "the server takes no writes: it is a standby"
        except DatabaseError as error:
            return f"the database does not answer: {cause(error)}"

    return Asked("database", ask, close=engine.dispose)


def broker_question(url: str, queue: str) -> Asked:
    """Return the question whether Redis answers: how many messages wait in the queue."""
    broker = Queue(url)

    def ask() -> str:
        broker.depth(queue)
        return ""

    return Asked("broker", ask, close=broker.close)
