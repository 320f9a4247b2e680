"""A running system that the real Prometheus watches with the project's own alarms, of shorter times."""

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import yaml

from docs.metrics import ALARMS
from notifier.errors import NotifierError
from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child
from sandbox.system import notifier_process
from tests.alarms import routes
from tests.alarms.prometheus import Alarm, Prometheus, running_prometheus, shown
from tests.alarms.scaling import SHORTEST_WINDOW, scaled
from tests.chaos.environment import TABLE, World
from tests.notifier.health.test_server import got
from tests.refusals.running_system import RunningSystem
from tests.waiting import SLOWNESS, wait_until

NAMES = ("bridge", "orders-bridge", "worker", "next-worker", "feedback", "status-sender")
"""The processes that a test may start, each with a port of its own: the `instance` of its metrics."""
_DOCS = Path(__file__).parents[2] / "docs"
_WORDS: Mapping[str, tuple[str, ...]] = {
    "orders-bridge": ("bridge",),
    "worker": ("worker", "email", "--concurrency", "4", "--name", "one@%h"),
    "next-worker": ("worker", "email", "--concurrency", "4", "--name", "next@%h"),
}
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 100.0
"""How long an alarm or its end may take, on a machine that is not slow."""
BEHIND = (
    "NotifierLag",
    "NotifierLagCritical",
    "NotifierShardsUnread",
    "NotifierListingFails",
    "NotifierStreamWaits",
)
"""Alarms of records that are not read for a while. After a fault they fire or not, by how long a bridge takes to find
the shards and to read on.
"""


class Watched:
    """Processes and Prometheus. Any alarm that a test does not expect makes it fail.

    Example::

        watched.start("bridge")
        watched.watch()
        watched.quiet()
        watched.child("bridge").stop(SIGKILL)
        watched.expect(alarm("NotifierNoBridge"))
    """

    def __init__(self, world: World, folder: Path, options: Mapping[str, str]) -> None:
        self.world = world
        self.folder = folder
        self.seen: dict[str, Alarm] = {}
        """The alarms that fired since `begin`."""
        self._beside: set[str] = set()
        """Names of alarms that may fire, and alarms as they are shown."""
        self._ports = {name: free_port() for name in NAMES}
        environment = {"NOTIFIER_ROUTES": routes.__name__, routes.FOLDER: str(folder), **options}
        self._options = environment
        self._system = RunningSystem(world, folder, environment)
        self._stack = ExitStack()
        self._numbers = itertools.count()

    def start(self, name: str, *, module: str = "notifier", **options: str) -> Child:
        """Start the process of this name, one of NAMES, and wait until it serves its metrics.

        To the end of the test it may be not ready: it is so until it has found its servers. A bridge may be behind.
        """
        self.allow(of_process("NotifierNotReady", name), *(BEHIND if name.endswith("bridge") else ()))
        port = self._ports[name]
        given = {"NOTIFIER_METRICS_PORT": str(port), **options}
        child = self._system.start(name, *_WORDS.get(name, (name,)), options=given, module=module)
        child.wait_until(lambda: _answer(port, "/healthz") == 200, _PATIENCE_SECONDS * SLOWNESS)
        return child

    def child(self, name: str) -> Child:
        return self._system.children[name]

    def is_ready(self, name: str) -> bool:
        return _answer(self._ports[name], "/readyz") == 200

    def allow(self, *alarms: str) -> None:
        """Let these alarms fire, from now to the end of the test: names, or alarms as they are shown."""
        self._beside.update(alarms)

    def watch(self) -> None:
        """Start Prometheus, and wait until it has asked all processes: before that, it misses them."""
        rules = scaled(yaml.safe_load(ALARMS.read_text()))
        running = running_prometheus(self.folder, rules, self._ports)
        self.prometheus: Prometheus = self._stack.enter_context(running)
        processes = len(self._system.children)
        wait_until(lambda: len(self.prometheus.values("up == 1")) == processes, _PATIENCE_SECONDS)
        before = f"notifier_database_up offset {SHORTEST_WINDOW}s"  # what rules compare with
        wait_until(lambda: self.prometheus.values(before), _PATIENCE_SECONDS)
        self.begin()

    def command(self, *words: str, module: str = "notifier", **options: str) -> None:
        """Run `notifier WORDS`. Raise NotifierError if it fails."""
        environment = {**self.world.environment, **self._options, **options}
        with notifier_process(f"command-{next(self._numbers)}", words, self.folder, environment, module) as child:
            child.finish(_PATIENCE_SECONDS * SLOWNESS)

    def write(self, kind: str, count: int = 1, table: str = TABLE) -> None:
        """Write so many items of this kind, each for a recipient of its own: `KIND-NUMBER@example.com`."""
        numbers = list(itertools.islice(self._numbers, count))
        items = [{"pk": f"{kind}-{n}@example.com", "sk": "1", "number": n, "kind": kind} for n in numbers]
        self.world.streams.post("put", table=table, items=items)

    @contextmanager
    def writing(self, kind: str, table: str = TABLE, seconds: float = 0.5) -> Iterator[None]:
        """Write an item of this kind every so many seconds, for as long as the block lasts."""
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(seconds):
                self.write(kind, table=table)

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def expect(self, *alarms: str, beside: Collection[str] = ()) -> None:
        """Wait until all of these alarms fire at the same time. Raise AssertionError if another one does that was not
        seen before, or if they do not.

        `beside` are alarms that may fire as well (`allow`), because the same fault causes them or not, by its timing.
        """
        self.allow(*beside)
        self._until(lambda firing: set(alarms) <= firing.keys(), alarms)
        for each in alarms:
            _assert_explained(self.seen[each])

    def quiet(self, beside: Collection[str] = ()) -> None:
        """Wait until no alarm fires and none is about to. Raise AssertionError if one fires that was not seen.

        `beside` is as of `expect`.
        """
        self.allow(*beside)
        self._until(lambda firing: not firing and not self.prometheus.pending(), ())

    def _until(self, condition: Callable[[Mapping[str, Alarm]], object], alarms: Collection[str]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS * SLOWNESS
        while True:
            firing = self.prometheus.firing()
            known = self.seen.keys() | set(alarms) | self._beside
            unexpected = [key for key, each in firing.items() if not known & {key, each.name}]
            assert not unexpected, f"{unexpected} fires; {self._state()}"
            self.seen |= firing
            if condition(firing):
                return
            assert time.monotonic() < deadline, f"not in time: {sorted(alarms) or 'quiet'}; {self._state()}"
            time.sleep(_LOOK_SECONDS)

    def _state(self) -> str:
        """Return what a person wants to know of a test that fails."""
        firing, pending = sorted(self.prometheus.firing()), sorted(self.prometheus.pending())
        unanswered = sum(self.prometheus.values("count_over_time((up == 0)[5m:1s])"))
        return f"fires: {firing}; pending: {pending}; no answer to scrapes: {unanswered:g} s; logs: {self.folder}"

    def begin(self) -> None:
        """Wait until no alarm fires, whichever fired in the test before. From then on, no alarm was seen."""
        wait_until(lambda: not self.prometheus.firing() and not self.prometheus.pending(), _PATIENCE_SECONDS)
        self.seen, self._beside = {}, set()

    def __enter__(self) -> Self:
        self._system.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._system.__exit__()


def alarm(name: str, **labels: str) -> str:
    """Return how an alarm is shown that has these labels beside its severity."""
    return shown(name, labels)


def of_process(name: str, process: str) -> str:
    """Return how an alarm of one process is shown."""
    return shown(name, {"job": "notifier", "instance": process})


def _assert_explained(alarm: Alarm) -> None:
    """Its annotations lead to its section of the runbook, and say the values of its labels."""
    told = dict(alarm.annotations)
    page, _, anchor = told["runbook"].partition("#")
    assert anchor == alarm.name.lower()
    assert f"## {alarm.name}\n" in (_DOCS.parent / page).read_text()
    for label, value in alarm.labels:
        assert label == "job" or value in " ".join(told.values()), (label, told)
    assert "<no value>" not in str(told), told


def _answer(port: int, path: str) -> int:
    try:
        return int(got(port, path)[0])
    except (OSError, NotifierError, ValueError):
        return 0
