"""A worker with a backlog at a slow provider is stopped with SIGTERM and started again, time after time."""

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
from tests.refusals.stage import Stage

# Nothing but the stopped worker itself may give its messages back within the time of the trial.
PATIENT: Mapping[str, str] = {
    "NOTIFIER_VISIBILITY_SECONDS": "120",
    "NOTIFIER_LOOK_AGAIN_SECONDS": "600",
    "NOTIFIER_SEND_LEASE_SECONDS": "60",
    "NOTIFIER_UNKNOWN_AFTER_SECONDS": "300",
}
STARTS_SECONDS = 60.0
_STATES = text("SELECT status, count(*) FROM deliveries GROUP BY status")


@dataclass(frozen=True)
class Stopped:
    """`seconds` from SIGTERM to the end; `ready` and `sends` from the next process's start: until it consumes, and
    until SES has accepted a mail of it. `kept`: messages that stayed in nobody's hands. `missing`: events without a
    mail whose message is not in its queue. `open`: deliveries that are sending or unknown. `overtaken`: messages that
    are behind one that came after them.
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
    with running_world(folder, ses=("--rate", str(rate))) as world, Stage(world, folder, PATIENT) as stage:
        engine = connect(world.postgres.url("notifier"))
        stage.start("bridge", "bridge")
        stage.feed(events)
        stage.until(lambda: stage.queue.depth("email") == events, STARTS_SECONDS)
        places = {id_: place for place, id_ in enumerate(_waiting(stage))}
        worker, _, _ = _start(stage, "worker-0")
        found = []
        for number in range(stops):
            time.sleep(chance.uniform(0.5, 3.0))
            began = time.monotonic()
            worker.stop(SIGTERM)
            seconds = time.monotonic() - began
            code, waiting, open_ = worker.exit_code, _waiting(stage), open_deliveries(engine)
            kept = len(stage.queue.held("email").difference(waiting))
            missing = max(0, events - stage.accepted() - len(set(waiting)))
            overtaken = sum(places[one] > places[next_] for one, next_ in pairwise(dict.fromkeys(waiting)))
            worker, ready, sends = _start(stage, f"worker-{number + 1}")
            found.append(
                Stopped(round(seconds, 2), code, kept, missing, open_, overtaken, round(ready, 2), round(sends, 2))
            )
        worker.stop()
        engine.dispose()
        mails = stage.mails()
        return Finding(found, len(mails), sum(mails.values()) - len(mails))


def _start(stage: Stage, name: str) -> tuple[Child, float, float]:
    accepted, began = stage.accepted(), time.monotonic()
    worker = stage.worker(name)
    stage.until(lambda: " ready." in worker.log.read_text(), STARTS_SECONDS)
    ready = time.monotonic() - began
    stage.until(lambda: stage.accepted() > accepted, STARTS_SECONDS)
    return worker, ready, time.monotonic() - began


def _waiting(stage: Stage) -> list[UUID]:
    """The ids in the queue, the next one first. One may be there twice: the relay publishes what is due."""
    with redis.Redis.from_url(stage.world.redis.url) as client:
        return [
            UUID(json.loads(each)["headers"]["id"]) for each in reversed(client.lrange(queue_name("email"), 0, -1))
        ]


def open_deliveries(engine: Engine) -> int:
    """How many are sending or unknown."""
    with engine.connect() as connection:
        states = {str(status): int(count) for status, count in connection.execute(_STATES)}
    return states.get("sending", 0) + states.get("unknown", 0)
