from collections.abc import Iterator

import pytest

from bench.measure.parts import Parts, running_parts


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with running_parts(tmp_path_factory.mktemp("bench"), durable=False) as parts:
        yield parts


@pytest.fixture
def parts(running: Parts) -> Parts:
    """All servers of a benchmark, with nothing in them."""
    running.clear()
    return running
