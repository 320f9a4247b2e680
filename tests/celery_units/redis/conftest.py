from collections.abc import Iterator

import pytest
from kombu.asynchronous import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Celery's event loop."""
    hub = Hub()
    yield hub
    hub.close()
