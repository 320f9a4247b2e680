"""SES does not answer while events arrive: `python -m bench.outage`. Measures what waits, memory, and recovery.

The events of ten minutes at 100 a second arrive in the first seconds of a shorter outage. Their rows must wait in
Postgres, worker and broker must not need more memory, no attempt may be used up, and after the outage mails must be
sent at the rate of SES.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from bench.figures.screen import say, show
from bench.measure.command import positive, whole_number, workspace
from bench.measure.processes import Usage, machine
from bench.measure.servers import REGION
from bench.measure.stall import Stall
from notifier.broker import queue_name
from notifier.database.schema import migrate
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.ses import SesServer, ses_simulator
from sandbox.embedded.streams import StreamsServer, streams_simulator
from sandbox.system import EXAMPLE, TABLE, notifier_process

_PUT = 500
_ORDINARY = 5_000
"""Events before the outage, at the rate of SES, to measure the memory of worker and broker under load."""
_STALLED_SECONDS = 120.0


class OutageSystem:
    """All servers and processes except SES, which is stopped and started at one address."""

    def __init__(self, database: str, broker: RedisServer, streams: StreamsServer, worker: Child) -> None:
        self._database = psycopg.connect(database, autocommit=True)
        self._redis = redis.Redis.from_url(broker.url)
        self._streams, self._worker, self._broker = streams, worker, broker
        self.memory: dict[str, list[float]] = {"worker": [], "redis": []}
        self.queue: list[int] = []
        self._seed = 0

    def write(self, events: int) -> None:
        for written in range(0, events, _PUT):
            self._seed += 1
            self._streams.post("put", table=TABLE, samples=min(_PUT, events - written), seed=self._seed)

    def statuses(self) -> dict[str, int]:
        rows = self._database.execute("SELECT status::text, count(*) FROM deliveries GROUP BY 1").fetchall()
        return dict(rows)

    def attempts(self) -> tuple[int, int]:
        """The most failures of one delivery, and the number of requests that were begun."""
        row = self._database.execute("SELECT max(failures), sum(attempt) FROM deliveries").fetchone()
        assert row is not None  # noqa: S101
        return int(row[0]), int(row[1])

    def sample(self) -> None:
        assert self._broker.pid is not None  # noqa: S101
        self.memory["worker"].append(Usage.of(self._worker.pid).rss / 2**20)
        self.memory["redis"].append(Usage.of(self._broker.pid).rss / 2**20)
        self.queue.append(int(self._redis.llen(queue_name("email"))) + int(self._redis.hlen("unacked")))

    def watch(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.sample()
            time.sleep(0.5)


@contextmanager
def running(folder: Path, ses: SesServer) -> Iterator[OutageSystem]:
    with ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres(folder))
        broker = stack.enter_context(embedded_redis(folder))
        streams = stack.enter_context(streams_simulator(folder))
        streams.post("tables", table=TABLE, shards=4)
        postgres.create_database("notifier")
        database = postgres.url("notifier")
        migrate(database)
        environment = {
            "NOTIFIER_DATABASE_URL": database,
            "NOTIFIER_BROKER_URL": broker.url,
            "NOTIFIER_AWS_ENDPOINT_URL": streams.url,
            "NOTIFIER_AWS_SES_ENDPOINT_URL": ses.url,
            "NOTIFIER_AWS_REGION": REGION,
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
            **EXAMPLE,
        }
        stack.enter_context(notifier_process("bridge", ["bridge"], folder, environment))
        worker = stack.enter_context(notifier_process("worker", ["worker", "email"], folder, environment))
        yield OutageSystem(database, broker, streams, worker)


def measure(folder: Path, events: int, seconds: float, rate: int) -> dict[str, object]:
    options = ("--rate", str(rate))
    with ExitStack() as first:
        ses = first.enter_context(ses_simulator(folder, *options))
        system = first.enter_context(running(folder, ses))
        system.write(_ORDINARY)
        _until(lambda: ses.accepted() == _ORDINARY, system)
        before = {name: max(sizes) for name, sizes in system.memory.items()}
        copies = _copies(ses)
        say(f"{_ORDINARY:,} mails are through; SES is stopped")
        ses.child.stop()
        system.write(events)
        system.watch(seconds)
        waiting = system.statuses()
        say(f"{sum(waiting.values()) - _ORDINARY:,} wait; SES is started again")
        with ses_simulator(folder, *options, "--port", str(urlsplit(ses.url).port)) as again:
            back = time.monotonic()
            _until(lambda: again.accepted() > 0, system)
            began = time.monotonic()
            _until(lambda: again.accepted() >= events, system)
            recovery = events / (time.monotonic() - began)
            _until(lambda: not any(system.statuses().get(each) for each in ("pending", "sending")), system)
            copies += _copies(again)
        at_most = {name: max(sizes) for name, sizes in system.memory.items()}
        failures, begun = system.attempts()
        return {
            "events": events,
            "outage_seconds": seconds,
            "waiting_in_postgres": waiting.get("pending", 0),
            "unknown": system.statuses().get("unknown", 0),
            "most_messages_in_the_broker": max(system.queue),
            "memory_mb_before": {name: round(size, 1) for name, size in before.items()},
            "memory_mb_at_most": {name: round(size, 1) for name, size in at_most.items()},
            "most_failures_of_a_delivery": failures,
            "requests_begun": begun,
            "rate": rate,
            "seconds_until_the_first_mail": round(began - back, 1),
            "recovered_per_second": round(recovery, 1),
            "accepted": sum(copies.values()),
            "duplicated": sum(count - 1 for count in copies.values()),
        }


def _copies(ses: SesServer) -> Counter[str]:
    """How often each notification was accepted, by the journal."""
    return Counter(json.loads(line)["nid"] for line in ses.journal.read_bytes().splitlines())


def _until(done: Callable[[], bool], system: OutageSystem) -> None:
    stall = Stall(_STALLED_SECONDS)
    while not done():
        system.sample()
        stall.note(system.statuses(), "{}")
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.outage", description=__doc__)
    parser.add_argument(
        "--events", type=whole_number, default=60_000, help="in the outage: ten minutes of 100 a second"
    )
    parser.add_argument("--seconds", type=positive, default=60.0, help="of the outage")
    parser.add_argument("--rate", type=whole_number, default=1_000, help="recipients a second that SES allows")
    given = parser.parse_args()
    with workspace() as folder:
        result = measure(folder, given.events, given.seconds, given.rate)
    show("An outage of SES", [{"what": name, "found": str(found)} for name, found in result.items()])
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
