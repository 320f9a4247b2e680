from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulators.push.apns import ApnsSimulator
from tests.workers.channels.push.apns.sending import channel_of
from workers.channels.push.apns import ApnsChannel


@pytest.fixture
def server() -> Iterator[ApnsSimulator]:
    with ApnsSimulator() as simulator:
        yield simulator


@pytest.fixture
def make(server: ApnsSimulator) -> Iterator[Callable[..., ApnsChannel]]:
    made: list[ApnsChannel] = []

    def make(to: ApnsSimulator = server, **changes: Any) -> ApnsChannel:
        made.append(channel_of(to, **changes))
        return made[-1]

    yield make
    for channel in made:
        channel.close()
