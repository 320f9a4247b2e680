"""The processes of a run: bridges, workers, feedback. One that ends is started again, as an orchestrator does."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.embedded.processes import Child
from sandbox.system import notifier_process

ROLES: Mapping[str, tuple[str, ...]] = {
    "bridge-1": ("bridge",),
    "bridge-2": ("bridge",),
    "worker-1": ("worker", "email", "sms", "--concurrency", "4", "--name", "one@%h"),
    "worker-2": ("worker", "email", "sms", "--concurrency", "4", "--name", "two@%h"),
    "feedback-1": ("feedback",),
    "feedback-2": ("feedback", "--concurrency", "1"),
}
_SKEWS = {"bridge-2": "+3600", "worker-2": "-1800", "feedback-2": "-240"}
"""Seconds by which the clocks of some are wrong, where libfaketime is installed."""
_REST_SECONDS = 0.5
_LIBRARIES = ("*/faketime/libfaketime.so.1", "faketime/libfaketime.so.1")


class Processes:
    """`unplanned` counts those that ended without being killed."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, skewed: bool) -> None:
        self._folder = folder
        self._environment = environment
        self._clock = faketime() if skewed else None
        self._children: dict[str, Child] = {}
        self._started: dict[str, float] = {}
        self._standing: dict[str, float] = {}
        self.unplanned = 0

    @property
    def skewed(self) -> bool:
        return self._clock is not None

    def start(self) -> None:
        for name in ROLES:
            self._start(name)

    def kill(self, name: str) -> None:
        """SIGKILL, as the kernel out of memory does it."""
        self._children[name].stop(signal.SIGKILL)
        self._start(name)

    def stand_still(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT when the time is over: a machine that is suspended and wakes up."""
        self._signal(name, signal.SIGSTOP)
        self._standing[name] = time.monotonic() + seconds

    def moving(self, role: str) -> list[str]:
        """Those of that role which do not stand still."""
        return [name for name in ROLES if name.startswith(role) and name not in self._standing]

    def tend(self) -> None:
        """Continue processes whose pause is over, and start ended ones again."""
        now = time.monotonic()
        for name, until in list(self._standing.items()):
            if now >= until:
                self.wake(name)
        for name, child in self._children.items():
            if child.exit_code is not None and now > self._started[name] + _REST_SECONDS:
                self.unplanned += 1
                self._start(name)

    def wake(self, name: str) -> None:
        del self._standing[name]
        self._signal(name, signal.SIGCONT)

    def wake_all(self) -> None:
        for name in list(self._standing):
            self.wake(name)

    def stop(self) -> None:
        """As they are stopped in a deployment."""
        self.wake_all()
        for child in self._children.values():
            child.stop()

    def _start(self, name: str) -> None:
        self._standing.pop(name, None)
        heartbeats = self._folder / "heartbeats" / name
        heartbeats.mkdir(parents=True, exist_ok=True)
        environment = {**self._environment, "NOTIFIER_HEARTBEAT_FOLDER": str(heartbeats)}
        module = "notifier"
        if self._clock and name in _SKEWS:
            module = "tests.chaos.faults.skewed"
            environment |= {"LD_PRELOAD": self._clock, "FAKETIME": _SKEWS[name], "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self._children[name] = notifier_process(name, ROLES[name], self._folder, environment, module)
        self._started[name] = time.monotonic()

    def _signal(self, name: str, number: signal.Signals) -> None:
        if self._children[name].exit_code is None:
            os.killpg(self._children[name].pid, number)


def faketime() -> str | None:
    """The library that shifts a process's clock, where it is installed."""
    return next((str(found) for pattern in _LIBRARIES for found in Path("/usr/lib").glob(pattern)), None)
