from collections.abc import Iterator

import pytest

from tests.simulators.ses.simulator import Simulator, simulator


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("ses") / "journal.jsonl") as running:
        yield running


@pytest.fixture
def ses(running_simulator) -> Simulator:
    """The simulator after a reset."""
    running_simulator.request("/_sim/reset", "POST")
    return running_simulator
