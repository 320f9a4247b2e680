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
from tests.refusals.stage import Stage

STARTS_SECONDS = 60.0
AGAIN_SECONDS = 60.0
_SETTLES_SECONDS = 120.0
_FIRST = 40
_ENDS_WHO_STARTS = "without rights"
"""The kind that is told at once to whoever starts; what runs goes on."""
_REFUSED = ("Redis refuses", "Cannot connect to redis")
"""One of these is in the log of each process that Redis refused something, whatever the kind."""


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
def started(folder: Path) -> Iterator[Stage]:
    """Two bridges and a worker that have sent the first mails."""
    with running_world(folder) as world, Stage(world, folder) as stage:
        for name in ("bridge-1", "bridge-2"):
            stage.start(name, "bridge")
        stage.start("feedback", "feedback")
        stage.worker("worker")
        stage.feed(_FIRST)
        stage.until(lambda: stage.accepted() >= stage.fed, STARTS_SECONDS)
        yield stage


def refuse(stage: Stage, kind: str, seconds: float, rate: float) -> Finding:
    """One kind of refusal; in the middle of it another worker starts. It lasts until that one was refused, too."""
    client = admin(stage.world.redis.url)
    feeder = Feeder(stage, rate)
    feeder.go_on(1.0)
    KINDS[kind].begin(client)
    try:
        feeder.go_on(seconds / 3)
        starter = stage.worker(f"started-{kind.replace(' ', '-')}")
        feeder.go_on(seconds * 2 / 3)
        stage.until(lambda: starter.exit_code is not None or _was_refused(starter), STARTS_SECONDS)
        if kind == "full":
            _is_drained(stage)
    finally:
        KINDS[kind].end(client)
    client.close()
    accepted, ended_at = stage.accepted(), time.monotonic()
    stage.feed(1)  # one that was never in Redis before
    back = stage.until(lambda: stage.accepted() > accepted, AGAIN_SECONDS)
    stage.until(lambda: stage.accepted() >= stage.fed, AGAIN_SECONDS)
    caught_up = time.monotonic() - ended_at
    stage.until(lambda: starter.exit_code is not None or " ready." in starter.log.read_text(), STARTS_SECONDS)
    ended = stage.ended()
    if kind == _ENDS_WHO_STARTS and ended.get(starter.name) == BrokerUnfit.exit_code:
        del ended[starter.name]
    else:
        starter.stop()
        ended = {**ended, **({starter.name: starter.exit_code} if starter.exit_code else {})}
    del stage.children[starter.name]
    return _found(stage, kind, seconds, ended, back, caught_up)


def _was_refused(child: Child) -> bool:
    log = child.log.read_text()
    return any(each in log for each in _REFUSED)


def _found(stage: Stage, kind: str, seconds: float, ended: dict[str, int], back: float, caught_up: float) -> Finding:
    mails, expected = stage.mails(), stage.expected()
    return Finding(
        kind=kind,
        seconds=seconds,
        events=stage.fed,
        lost=len(expected - mails.keys()),
        unexpected=sum(count for to, count in mails.items() if to not in expected),
        duplicated=sum(count - 1 for to, count in mails.items() if to in expected),
        ended=ended,
        back=round(back, 2),
        caught_up=round(caught_up, 2),
    )


def fail_over(stage: Stage, rate: float, *, kill: bool) -> Finding:
    """A replica is promoted; the old primary is killed, or keeps its connections open as a replica."""
    feeder = Feeder(stage, rate)
    feeder.go_on(1.0)
    did = stage.world.redis.fail_over(stage.world.proxies["redis"], kill=kill)
    if did.startswith(NOTHING):
        raise Unreachable(f"no failover: {did}")
    stage.feed(_FIRST)
    back = stage.until(lambda: stage.accepted() >= stage.fed, AGAIN_SECONDS)
    return _found(stage, f"failover {did}", 0.0, stage.ended(), back, back)


def drain(messages: int, folder: Path) -> float:
    """Seconds in which a new worker empties a Redis that was filled while no worker ran, from the worker's start."""
    with running_world(folder) as world, Stage(world, folder) as stage:
        stage.start("bridge", "bridge")
        stage.feed(messages)
        stage.until(lambda: stage.queue.depth("email") == messages, STARTS_SECONDS)
        client = admin(world.redis.url)
        client.config_set("maxmemory", 1)
        stage.worker("worker")
        took = stage.until(lambda: stage.accepted() == messages and _is_empty(stage), _SETTLES_SECONDS)
        client.config_set("maxmemory", 0)
        stage.feed(1)
        stage.until(lambda: stage.accepted() == messages + 1, AGAIN_SECONDS)
        mails = stage.mails()
        if len(mails) != stage.fed or sum(mails.values()) != stage.fed or stage.ended():
            raise Unreachable(f"{len(mails)} of {stage.fed} accepted, ended: {stage.ended()}; logs: {folder}")
        return round(took, 2)


def _is_drained(stage: Stage) -> None:
    """While it is still full: what was in Redis when it became full is gone from it."""
    stage.until(lambda: _is_empty(stage), AGAIN_SECONDS)


def _is_empty(stage: Stage) -> bool:
    return not stage.queue.held("email")


class Feeder:
    """Writes events at a rate, in small steps."""

    def __init__(self, stage: Stage, rate: float) -> None:
        self._stage = stage
        self._rate = rate

    def go_on(self, seconds: float) -> None:
        began, done = time.monotonic(), 0
        while (spent := time.monotonic() - began) < seconds:
            if (due := int(spent * self._rate) - done) > 0:
                self._stage.feed(due)
                done += due
            time.sleep(0.05)
