"""Which points there are, what one of them does to a house, and whether the house came through."""

import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import redis
from sqlalchemy import Engine, text

from notifier.database import connect
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.ses_server import SesServer
from sandbox.streams.process import StreamsServer
from tests.crash.faults import Effect, Fault, Moment, Point, methods
from tests.crash.life import PORTS, House, Life, run
from tests.waiting import wait_until

_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(["tests.crash.life"])

OPEN = {Status.PENDING, Status.SENDING, Status.UNKNOWN}
LONG, SHORT = 60.0, 2.0
"""Seconds of an attempt's lease: nothing waits for the long one; who stands still outlives the short one."""
_TIME_PASSES = (
    "UPDATE claims SET lease_until = now() - interval '1 s'",
    "UPDATE shards SET lease_until = now() - interval '1 s' WHERE owner IS NOT NULL",
    "UPDATE publications SET due_at = now()",
    "UPDATE deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL",
    "UPDATE due SET due_at = now()",
    "UPDATE channels SET probe_at = now() WHERE probe_at IS NOT NULL",
)


def points() -> list[Point]:
    """Every public method of every port, before and after its work, raising, dying and standing still."""
    return [
        Point(port.__name__, method, moment, effect)
        for port in PORTS
        for method in methods(port)
        for moment in Moment
        for effect in Effect
    ]


@dataclass(frozen=True)
class Told:
    """What the oracle found: all of it must be empty."""

    lost: list[str]
    duplicated: list[str]
    unexpected: list[str]
    open: list[str]
    unbalanced: list[str]

    @property
    def good(self) -> bool:
        return not any(asdict(self).values())


class Street:
    """One house at a time, on servers that go on: their state is wiped for the next one."""

    def __init__(
        self, database_url: str, broker_url: str, streams: StreamsServer, ses: SesServer, folder: Path
    ) -> None:
        self._streams, self._ses, self._folder = streams, ses, folder
        self._broker_url = broker_url
        self._engine: Engine = connect(database_url)
        self._numbers = count()
        self._rows = 0
        templates = folder / "templates" / "hello"
        templates.mkdir(parents=True)
        (templates / "subject.txt").write_text("Hello")
        (templates / "body.txt").write_text("Dear {{ name }}")
        self._fixed = {
            "database_url": database_url,
            "broker_url": broker_url,
            "streams_url": streams.url,
            "ses_url": ses.url,
            "journal": str(ses.journal),
            "templates": str(templates.parent),
        }

    def close(self) -> None:
        self._engine.dispose()

    def survives(self, point: Point, *faults: dict[str, Any]) -> Told:
        """Run one life with the fault, then lives without until all is settled, and judge."""
        house = self._build(SHORT if point.effect is Effect.PAUSE else LONG)
        self._post("faults", list(faults))
        expected = self._write(3)
        began = time.monotonic()
        with self._unlucky(house, point) as go_on:
            self._post("faults", [], method="DELETE")
            expected |= self._drain(house)
            if point.effect is Effect.PAUSE:
                wait_until(lambda: time.monotonic() > began + SHORT, seconds=10)
            go_on()
        expected |= self._drain(house)
        return self._judge(expected)

    def _build(self, send_lease: float) -> House:
        with self._engine.begin() as connection:
            names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            connection.execute(text(f"TRUNCATE {', '.join(name for name in names if name != 'alembic_version')}"))
        with redis.Redis.from_url(self._broker_url) as client:
            client.flushdb()
        urlopen(Request(f"{self._ses.url}/_sim/reset", method="POST"), timeout=5).close()
        self._streams.tell("reset")
        self._streams.tell("tables", table="activity", shards=2)
        self._rotate()
        number = next(self._numbers)
        folder = self._folder / str(number)
        folder.mkdir()
        self._rows = 0
        return House(**self._fixed, folder=str(folder), send_lease=send_lease)

    def _rotate(self) -> None:
        """A shard that has ended, so that its end is read, too."""
        self._streams.tell(
            "put", table="activity", items=[{"pk": f"first-{n}", "sk": "1", "kind": "other"} for n in range(4)]
        )
        shard = self._streams.ask("truth?records=0")["shards"][0]
        self._streams.tell("rotate", shard=shard["shard"], stream=shard["stream"])

    def _write(self, told: int) -> set[str]:
        """Some events that are told of, one that is not, one of another kind."""
        number = next(self._numbers)
        people = [f"{number}-{n}@example.com" for n in range(told)]
        items = [{"pk": to, "sk": "1", "kind": "told"} for to in people]
        items += [{"pk": f"{number}-{kind}@example.com", "sk": "1", "kind": kind} for kind in ("quiet", "other")]
        self._streams.tell("put", table="activity", items=items)
        self._rows += told + 1
        return set(people)

    @contextmanager
    def _unlucky(self, house: House, point: Point) -> Iterator[Any]:
        """The life with the fault: over, or standing still until it is told to go on."""
        fault = Fault(point, Path(house.folder))
        child = _FORK.Process(target=run, args=(house, point))
        child.start()
        try:
            if point.effect is Effect.PAUSE:
                wait_until(lambda: fault.reached.exists() or not child.is_alive(), seconds=30)
            else:
                child.join(60)
            assert fault.reached.exists(), f"{point} was never reached: let the life call it"
            yield fault.go_on.touch
            fault.go_on.touch()
            child.join(60)
            assert not child.is_alive()
        finally:
            if child.is_alive():
                child.kill()

    def _drain(self, house: House) -> set[str]:
        """Lives without faults, until nothing is open. Each brings one more event, which shows that events flow."""
        more: set[str] = set()

        def settled() -> bool:
            self._time_passes()
            more.update(self._write(1))
            life = Life(house, Fault(None, Path(house.folder)))
            life.live()
            life.close()
            totals = Report(self._engine).totals()
            return not any(totals.get(each) for each in OPEN) and sum(totals.values()) == self._rows

        wait_until(settled, seconds=60, message="a delivery stays open")
        return more

    def _time_passes(self) -> None:
        """All leases end and all waiting is over: what would be minutes is one statement."""
        with self._engine.begin() as connection:
            for statement in _TIME_PASSES:
                connection.execute(text(statement))

    def _judge(self, expected: set[str]) -> Told:
        accepted = Counter(json.loads(line)["to"] for line in self._ses.journal.read_bytes().splitlines())
        report = Report(self._engine)
        shards, stranded = report.audit()
        totals = report.totals()
        return Told(
            lost=sorted(expected - accepted.keys()),
            duplicated=sorted(to for to, times in accepted.items() if times > 1),
            unexpected=sorted(accepted.keys() - expected),
            open=[str(each) for each in OPEN if totals.get(each)] + [str(row) for row in stranded],
            unbalanced=[
                row["shard_id"]
                for row in shards
                if row["records_read"] != row["notifications"] + row["records_unrouted"] + row["quarantine"]
            ],
        )

    def _post(self, path: str, body: list[Any], method: str = "POST") -> None:
        request = Request(f"{self._ses.url}/_sim/{path}", json.dumps(body).encode(), method=method)
        urlopen(request, timeout=5).close()
