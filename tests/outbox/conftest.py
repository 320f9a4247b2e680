from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from notifier.database.engine import connect
from notifier.outbox import Retention
from tests.outbox.history.history import KEEP
from tests.outbox.rows import Rows


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def rows(engine: Engine) -> Rows:
    return Rows(engine)


@pytest.fixture
def retention(rows: Rows) -> Retention:
    """Keeps 30 days, and counts a day that changed again at once."""
    return Retention(rows.engine, KEEP, rest=0.0)
