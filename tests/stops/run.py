"""A worker with a backlog at a slow provider is stopped with SIGTERM and started again, time after time."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from sqlalchemy import Engine, text

from notifier.database import connect
from sandbox.processes import Child
from tests.chaos.world import running_world
from tests.refusals.stage import Stage

# Nothing but the stopped worker itself may give its messages back within the time of the trial.
_PATIENT: Mapping[str, str] = {
    "NOTIFIER_VISIBILITY_SECONDS": "120",
    "NOTIFIER_LOOK_AGAIN_SECONDS": "600",
    "NOTIFIER_SEND_LEASE_SECONDS": "60",
    "NOTIFIER_UNKNOWN_AFTER_SECONDS": "300",
}
_STARTS_SECONDS = 60.0
_STATES = text("SELECT status, count(*) FROM deliveries GROUP BY status")


@dataclass(frozen=True)
class Stopped:
    """`seconds` from SIGTERM to the end; `ready` and `sends` from the next process's start: until it consumes, and
    until SES has accepted a mail of it. `kept`: messages that stayed in nobody's hands. `missing`: events without a
    mail whose message is not in its queue. `open`: deliveries that are sending or unknown.
    """

    seconds: float
    exit_code: int | None
    kept: int
    missing: int
    open: int
    ready: float
    sends: float

    @property
    def good(self) -> bool:
        return not (self.exit_code or self.kept or self.missing or self.open)


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
    with running_world(folder, ses=("--rate", str(rate))) as world, Stage(world, folder, _PATIENT) as stage:
        engine = connect(world.postgres.url("notifier"))
        stage.start("bridge", "bridge")
        stage.feed(events)
        stage.until(lambda: stage.queue.depth("email") == events, _STARTS_SECONDS)
        worker, _, _ = _start(stage, "worker-0")
        found = []
        for number in range(stops):
            time.sleep(chance.uniform(0.5, 3.0))
            began = time.monotonic()
            worker.stop(SIGTERM)
            seconds = time.monotonic() - began
            code, depth = worker.exit_code, stage.queue.depth("email")
            kept, missing = len(stage.queue.held("email")) - depth, events - stage.accepted() - depth
            open_ = _open(engine)
            worker, ready, sends = _start(stage, f"worker-{number + 1}")
            found.append(Stopped(round(seconds, 2), code, kept, missing, open_, round(ready, 2), round(sends, 2)))
        worker.stop()
        engine.dispose()
        mails = stage.mails()
        return Finding(found, len(mails), sum(mails.values()) - len(mails))


def _start(stage: Stage, name: str) -> tuple[Child, float, float]:
    accepted, began = stage.accepted(), time.monotonic()
    worker = stage.worker(name)
    stage.until(lambda: " ready." in worker.log.read_text(), _STARTS_SECONDS)
    ready = time.monotonic() - began
    stage.until(lambda: stage.accepted() > accepted, _STARTS_SECONDS)
    return worker, ready, time.monotonic() - began


def _open(engine: Engine) -> int:
    with engine.connect() as connection:
        states = {str(status): int(count) for status, count in connection.execute(_STATES)}
    return states.get("sending", 0) + states.get("unknown", 0)
