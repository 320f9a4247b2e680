from collections.abc import Iterator

import pytest
import redis
from kombu.asynchronous import Hub


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    """A look into the broker from outside."""
    with redis.Redis.from_url(broker_url, protocol=2) as client:
        yield client


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Celery's event loop."""
    hub = Hub()
    yield hub
    hub.close()
