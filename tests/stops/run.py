"""Stops a worker with a backlog and a slow provider by SIGTERM and starts it again, several times."""

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from signal import SIGTERM
from uuid import UUID

import redis
from sqlalchemy import Engine, text

from notifier.broker import queue_name
from notifier.database.engine import connect
from sandbox.embedded.processes import Child
from tests.chaos.environment import running_world
from tests.refusals.running_system import RunningSystem

# Within the time of the test only the stopped worker itself may give its messages back.
LONG_TIMEOUTS: Mapping[str, str] = {
    "NOTIFIER_VISIBILITY_SECONDS": "120",
    "NOTIFIER_LOOK_AGAIN_SECONDS": "600",
    "NOTIFIER_SEND_LEASE_SECONDS": "60",
    "NOTIFIER_UNKNOWN_AFTER_SECONDS": "300",
}
STARTS_SECONDS = 60.0
_STATES = text("SELECT status, count(*) FROM deliveries GROUP BY status")


@dataclass(frozen=True)
class Stopped:
    """What one stop did.

    `seconds` are from SIGTERM to the end; `ready` and `sends` from the start of the next process until it consumes,
    and until SES has accepted a mail of it. `kept`: messages that neither a worker nor the queue has. `missing`:
    events without a mail whose message is not in the queue. `open`: deliveries that are sending or unknown.
    `overtaken`: messages that are behind one that came after them.
    """

    seconds: float
    exit_code: int | None
    kept: int
    missing: int
    open: int
    overtaken: int
    ready: float
    sends: float

    @property
    def good(self) -> bool:
        return not (self.exit_code or self.kept or self.missing or self.open or self.overtaken)


@dataclass(frozen=True)
class Finding:
    stops: list[Stopped]
    accepted: int
    duplicated: int

    @property
    def good(self) -> bool:
        return not self.duplicated and all(each.good for each in self.stops)


def run(stops: int, rate: float, events: int, seed: int, folder: Path) -> Finding:
    """`rate` is what the provider allows a second, `events` the backlog."""
    chance = random.Random(seed)
    with (
        running_world(folder, ses=("--rate", str(rate))) as world,
        RunningSystem(world, folder, LONG_TIMEOUTS) as system,
    ):
        engine = connect(world.postgres.url("notifier"))
        system.start("bridge", "bridge")
        system.feed(events)
        system.until(lambda: system.broker.depth("email") == events, STARTS_SECONDS)
        places = {id_: place for place, id_ in enumerate(_waiting(system))}
        worker, _, _ = _start(system, "worker-0")
        found = []
        for number in range(stops):
            time.sleep(chance.uniform(0.5, 3.0))
            began = time.monotonic()
            worker.stop(SIGTERM)
            seconds = time.monotonic() - began
            code, waiting, open_ = worker.exit_code, _waiting(system), open_deliveries(engine)
            kept = len(system.broker.held("email").difference(waiting))
            missing = max(0, events - system.accepted() - len(set(waiting)))
            overtaken = sum(places[one] > places[next_] for one, next_ in pairwise(dict.fromkeys(waiting)))
            worker, ready, sends = _start(system, f"worker-{number + 1}")
            found.append(
                Stopped(round(seconds, 2), code, kept, missing, open_, overtaken, round(ready, 2), round(sends, 2))
            )
        worker.stop()
        engine.dispose()
        mails = system.mails()
        return Finding(found, len(mails), sum(mails.values()) - len(mails))


def _start(system: RunningSystem, name: str) -> tuple[Child, float, float]:
    accepted, began = system.accepted(), time.monotonic()
    worker = system.worker(name)
    system.until(lambda: " ready." in worker.log.read_text(), STARTS_SECONDS)
    ready = time.monotonic() - began
    system.until(lambda: system.accepted() > accepted, STARTS_SECONDS)
    return worker, ready, time.monotonic() - began


def _waiting(system: RunningSystem) -> list[UUID]:
    """Return the ids in the queue, the next one first. One may be there twice: the relay publishes what is due."""
    with redis.Redis.from_url(system.world.redis.url) as client:
        return [
            UUID(json.loads(each)["headers"]["id"]) for each in reversed(client.lrange(queue_name("email"), 0, -1))
        ]


def open_deliveries(engine: Engine) -> int:
    """Return how many are sending or unknown."""
    with engine.connect() as connection:
        states = {str(status): int(count) for status, count in connection.execute(_STATES)}
    return states.get("sending", 0) + states.get("unknown", 0)
