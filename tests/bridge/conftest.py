from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from notifier.broker import Queue
from notifier.messages import Email
from notifier.routes import Route, Routes, route
from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]


@route(table="activity", match={"type": ["friend_request"]}, channel="email")
def friend_request(event: object) -> Email | None:
    return None


@pytest.fixture
def routes() -> Routes:
    made: Route = friend_request.__notifier_route__  # type: ignore[attr-defined]
    return Routes([made])


@pytest.fixture
def queue(broker_url: str) -> Iterator[Queue]:
    queue = Queue(broker_url)
    yield queue
    queue.close()


@pytest.fixture
def second_engine(database_url: str) -> Iterator[Engine]:
    from notifier.database import connect

    engine = connect(database_url)
    yield engine
    engine.dispose()
