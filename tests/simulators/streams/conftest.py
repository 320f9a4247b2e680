from collections.abc import Iterator

import pytest

from sandbox.embedded.streams import StreamsServer, streams_simulator
from simulators.streams import StreamsModel


@pytest.fixture
def model() -> StreamsModel:
    return StreamsModel()


@pytest.fixture
def arn(model: StreamsModel) -> str:
    """The stream of `activity`, with one shard."""
    return model.create_table("activity")


@pytest.fixture(scope="session")
def running_streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamsServer]:
    with streams_simulator(tmp_path_factory.mktemp("streams")) as server:
        yield server


@pytest.fixture
def server(running_streams: StreamsServer) -> StreamsServer:
    """The simulator as a process, after a reset."""
    running_streams.post("reset")
    return running_streams
