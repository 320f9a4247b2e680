"""The alarms of processes and their servers."""

import os
import time
from signal import SIGKILL

import pytest

from sandbox.embedded.allocation import free_port
from tests.alarms.faults import causes
from tests.alarms.routes import HANG, MENDED, RESUMED
from tests.alarms.scaling import SHORTEST_WINDOW
from tests.alarms.watched import BEHIND, Watched, alarm, of_process

pytestmark = pytest.mark.timeout(500)

PROCESSES = ("bridge", "worker", "feedback")
OPTIONS: dict[str, str] = {}


def prepare(_: Watched) -> None:
    """Nothing is needed beside the table."""


@causes("NotifierNotReady")
def test_a_broker_out_of_reach(watched: Watched) -> None:
    """Feedback needs no broker: nothing is said of it."""
    proxy = watched.world.proxies["redis"]
    proxy.target = free_port()
    proxy.cut_all()
    watched.expect(of_process("NotifierNotReady", "bridge"), of_process("NotifierNotReady", "worker"))
    proxy.target = watched.world.redis.port
    watched.quiet()


@causes("NotifierDatabaseDown")
def test_a_database_that_is_stopped(watched: Watched) -> None:
    """A route that failed long before is not taken for a new one when its counter is seen again."""
    watched.write("raises")
    watched.expect(alarm("NotifierNewRouteFails", channel="email", route="raises"), beside=ROUTE)
    (watched.folder / MENDED).touch()
    watched.quiet(beside=ROUTE)
    watched.begin()
    watched.world.postgres.stop()
    stopped = time.monotonic()
    unready = (of_process("NotifierNotReady", each) for each in PROCESSES)
    watched.expect(alarm("NotifierDatabaseDown"), *unready)
    time.sleep(max(0.0, stopped + 1.5 * SHORTEST_WINDOW - time.monotonic()))  # longer than the rule looks back
    watched.world.postgres.start()
    watched.quiet(beside=BEHIND)  # until the shards are read on


@causes("NotifierNoBridge")
def test_a_bridge_that_is_killed(watched: Watched) -> None:
    watched.child("bridge").stop(SIGKILL)
    watched.expect(alarm("NotifierNoBridge"))
    watched.start("bridge")
    watched.quiet()


@causes("NotifierUnhealthy")
def test_a_main_loop_that_hangs(watched: Watched) -> None:
    os.kill(watched.child("worker").pid, HANG)
    watched.expect(of_process("NotifierUnhealthy", "worker"), beside=[of_process("NotifierNotReady", "worker")])
    (watched.folder / RESUMED).touch()
    watched.quiet()


ROUTE = ("NotifierRouteFails", "NotifierRouteAlwaysFails")
