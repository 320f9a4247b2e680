"""Refusals and failovers of Redis under load, and refusals at a worker's start."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notifier.broker.rights import BrokerUnfit
from notifier.errors import Unreachable
from sandbox.embedded.processes import Child
from tests.chaos.environment import running_world
from tests.chaos.faults.redis_pair import NOTHING
from tests.refusals.kinds import KINDS, admin
from tests.refusals.running_system import RunningSystem

STARTS_SECONDS = 60.0
AGAIN_SECONDS = 60.0
_SETTLES_SECONDS = 120.0
_FIRST_EVENTS = 40
_ENDS_AT_START = "without rights"
"""The kind at which a process that starts ends at once; processes that run go on."""
_REFUSED = ("Redis refuses", "Cannot connect to redis")
"""One of these is in the log of each process to which Redis refused a command, whatever the kind."""


@dataclass(frozen=True)
class Finding:
    """`ended`: exit codes of processes that ended by themselves; `seconds`: how long Redis refused; `back`: seconds
    until the first mail after the refusal; `caught_up`: until all events are mails, with one written afterwards.
    """

    kind: str
    seconds: float
    events: int
    lost: int
    unexpected: int
    duplicated: int
    ended: dict[str, int]
    back: float
    caught_up: float

    @property
    def good(self) -> bool:
        return not (self.lost or self.unexpected or self.duplicated or self.ended)


@contextmanager
def started(folder: Path) -> Iterator[RunningSystem]:
    """Two bridges and a worker that have sent the first mails."""
    with running_world(folder) as world, RunningSystem(world, folder) as system:
        for name in ("bridge-1", "bridge-2"):
            system.start(name, "bridge")
        system.start("feedback", "feedback")
        system.worker("worker")
        system.feed(_FIRST_EVENTS)
        system.until(lambda: system.accepted() >= system.fed, STARTS_SECONDS)
        yield system


def refuse(system: RunningSystem, kind: str, seconds: float, rate: float) -> Finding:
    """Run one kind of refusal, in which another worker starts. It ends after that one was refused too."""
    client = admin(system.world.redis.url)
    feeder = Feeder(system, rate)
    feeder.go_on(1.0)
    KINDS[kind].begin(client)
    try:
        feeder.go_on(seconds / 3)
        starter = system.worker(f"started-{kind.replace(' ', '-')}")
        feeder.go_on(seconds * 2 / 3)
        system.until(lambda: starter.exit_code is not None or _was_refused(starter), STARTS_SECONDS)
        if kind == "full":
            _is_drained(system)
    finally:
        KINDS[kind].end(client)
    client.close()
    accepted, ended_at = system.accepted(), time.monotonic()
    system.feed(1)  # an event that was not in Redis before
    back = system.until(lambda: system.accepted() > accepted, AGAIN_SECONDS)
    system.until(lambda: system.accepted() >= system.fed, AGAIN_SECONDS)
    caught_up = time.monotonic() - ended_at
    system.until(lambda: starter.exit_code is not None or " ready." in starter.log.read_text(), STARTS_SECONDS)
    ended = system.ended()
    if kind == _ENDS_AT_START and ended.get(starter.name) == BrokerUnfit.exit_code:
        del ended[starter.name]
    else:
        starter.stop()
        ended = {**ended, **({starter.name: starter.exit_code} if starter.exit_code else {})}
    del system.children[starter.name]
    return _found(system, kind, seconds, ended, back, caught_up)


def _was_refused(child: Child) -> bool:
    log = child.log.read_text()
    return any(each in log for each in _REFUSED)


def _found(
    system: RunningSystem, kind: str, seconds: float, ended: dict[str, int], back: float, caught_up: float
) -> Finding:
    mails, expected = system.mails(), system.expected()
    return Finding(
        kind=kind,
        seconds=seconds,
        events=system.fed,
        lost=len(expected - mails.keys()),
        unexpected=sum(count for to, count in mails.items() if to not in expected),
        duplicated=sum(count - 1 for to, count in mails.items() if to in expected),
        ended=ended,
        back=round(back, 2),
        caught_up=round(caught_up, 2),
    )


def fail_over(system: RunningSystem, rate: float, *, kill: bool) -> Finding:
    """Promote a replica. The old primary is killed, or keeps its connections open as a replica."""
    feeder = Feeder(system, rate)
    feeder.go_on(1.0)
    did = system.world.redis.fail_over(system.world.proxies["redis"], kill=kill)
    if did.startswith(NOTHING):
        raise Unreachable(f"no failover: {did}")
    system.feed(_FIRST_EVENTS)
    back = system.until(lambda: system.accepted() >= system.fed, AGAIN_SECONDS)
    return _found(system, f"failover {did}", 0.0, system.ended(), back, back)


def drain(messages: int, folder: Path) -> float:
    """Return the seconds from a worker's start in which it empties a Redis that was filled while no worker ran."""
    with running_world(folder) as world, RunningSystem(world, folder) as system:
        system.start("bridge", "bridge")
        system.feed(messages)
        system.until(lambda: system.broker.depth("email") == messages, STARTS_SECONDS)
        client = admin(world.redis.url)
        client.config_set("maxmemory", 1)
        system.worker("worker")
        took = system.until(lambda: system.accepted() == messages and _is_empty(system), _SETTLES_SECONDS)
        client.config_set("maxmemory", 0)
        system.feed(1)
        system.until(lambda: system.accepted() == messages + 1, AGAIN_SECONDS)
        mails = system.mails()
        if len(mails) != system.fed or sum(mails.values()) != system.fed or system.ended():
            raise Unreachable(f"{len(mails)} of {system.fed} accepted, ended: {system.ended()}; logs: {folder}")
        return round(took, 2)


def _is_drained(system: RunningSystem) -> None:
    """Wait until the worker has taken what was in Redis when it became full. Redis is still full."""
    system.until(lambda: _is_empty(system), AGAIN_SECONDS)


def _is_empty(system: RunningSystem) -> bool:
    return not system.broker.held("email")


class Feeder:
    """Writes events at a rate, in small steps."""

    def __init__(self, system: RunningSystem, rate: float) -> None:
        self._stage = system
        self._rate = rate

    def go_on(self, seconds: float) -> None:
        began, done = time.monotonic(), 0
        while (spent := time.monotonic() - began) < seconds:
            if (due := int(spent * self._rate) - done) > 0:
                self._stage.feed(due)
                done += due
            time.sleep(0.05)
