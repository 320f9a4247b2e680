from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from notifier.broker import Queue
from notifier.messages import Email
from notifier.routes import Routes, route, routes_of
from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]


@route(table="activity", match={"type": ["friend_request"]}, channel="email")
def friend_request(event: object) -> Email | None:
    return None


@pytest.fixture
def routes() -> Routes:
    return Routes(routes_of(friend_request))


@pytest.fixture
def queue(broker_url: str) -> Iterator[Queue]:
    queue = Queue(broker_url)
    yield queue
    queue.close()


@pytest.fixture
def second_engine(database_url: str) -> Iterator[Engine]:
    from notifier.database.engine import connect

    engine = connect(database_url)
    yield engine
    engine.dispose()
