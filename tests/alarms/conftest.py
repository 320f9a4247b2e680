from collections.abc import Iterator

import pytest

from tests.alarms.prometheus import PROGRAM
from tests.alarms.routes import MENDED, RESUMED
from tests.alarms.watched import Watched
from tests.chaos.environment import running_world
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The processes that the module names as PROCESSES, with its OPTIONS, and Prometheus."""
    if PROGRAM is None:
        pytest.skip("needs prometheus, of Debian's package of that name")
    folder = tmp_path_factory.mktemp("alarms")
    with running_world(folder) as world, Watched(world, folder, request.module.OPTIONS) as watched:
        request.module.prepare(watched)
        for name in request.module.PROCESSES:
            watched.start(name)
        wait_until(lambda: all(map(watched.is_ready, request.module.PROCESSES)), 90)
        watched.watch()
        yield watched


@pytest.fixture
def watched(running: Watched, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """The system, in which no alarm fires. Afterwards, all alarms that the test declares have fired."""
    running.begin()
    ends = [running.folder / name for name in (MENDED, RESUMED)]
    for each in ends:
        each.unlink(missing_ok=True)
    yield running
    for each in ends:
        each.touch()
    running.world.heal()
    missing = set(request.function.causes) - {each.name for each in running.seen.values()}
    assert not missing, f"did not fire: {sorted(missing)}"
