from collections.abc import Iterator

import pytest

from bench.measure.servers import Servers, running_servers


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(tmp_path_factory.mktemp("bench"), durable=False) as servers:
        yield servers


@pytest.fixture
def servers(running: Servers) -> Servers:
    """All servers of a benchmark, empty."""
    running.clear()
    return running
