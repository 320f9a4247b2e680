"""How much dropping old days delays the load: `python -m bench.retention --days 365 --rows 100000 --rate 1000`.

Fills past days with final deliveries. Then it runs the statements of the common path at a rate, first alone and then
while bridges count and drop all these days. Prints the longest time of a step (one to a few statements and their
commit), and the longest wait of a statement for a lock. The target is 200 ms.
"""

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import psycopg
from sqlalchemy import Engine, event, text

from bench.figures.screen import say
from bench.measure.command import positive, whole_number, workspace
from bench.measure.processes import machine
from bench.parts.outbox import Steps
from bridge.retention import DropOldDays
from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.outbox import Partitions, Retention
from notifier.outbox.roles import grant_roles
from sandbox.embedded.postgres import embedded_postgres

T = TypeVar("T")

KEEP_DAYS = 3
UNIT = 50
LIMIT_MS = 200.0

# Directly into the partitions, packed and in the order of ids: only dropping them is measured.
_FILL = """
WITH old AS MATERIALIZED (
  SELECT (lpad(to_hex((%(start)s + n * 86400000::bigint / %(rows)s)::bigint), 12, '0') || '8' || substr(hash, 1, 3)
          || 'a' || substr(hash, 4, 15))::uuid AS id, n
  FROM generate_series(0, %(rows)s - 1) AS n, LATERAL (SELECT md5(%(start)s || ' ' || n) AS hash) AS own
), noted AS (
  INSERT INTO notifications{suffix} (notification_id, shard, sequence_number, route, channel, table_name, record)
  SELECT id, 1 + n %% 4, n::text, 'friend_request', 'email', 'activity', convert_to(repeat('x', 200), 'UTF8') FROM old
)
INSERT INTO deliveries{suffix} (notification_id, status, attempt, token, provider_message_id)
SELECT id, (CASE n %% 100 WHEN 0 THEN 'failed' WHEN 1 THEN 'bounced' ELSE 'delivered' END)::delivery_status, 1,
       '00000001-0000-0000-0000-000000000000', 'm-' || id
FROM old
"""


@dataclass
class Times:
    """The times of each step in milliseconds, by its name."""

    steps: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.steps.setdefault(name, []).append(seconds * 1000)

    def summary(self) -> dict[str, float | int | str]:
        every = sorted((each, name) for name, found in self.steps.items() for each in found)
        if not every:
            return {"steps": 0}
        return {
            "steps": len(every),
            "p50_ms": round(every[len(every) // 2][0], 1),
            "p99_ms": round(every[len(every) * 99 // 100][0], 1),
            "longest_ms": round(every[-1][0], 1),
            "longest_step": every[-1][1],
            "over_200_ms": sum(each > LIMIT_MS for each, _ in every),
        }


class Timed(Steps):
    """The steps of the units of one shard; records the time of each."""

    def __init__(self, engine: Engine, shard: str, times: Times) -> None:
        super().__init__(engine, 0, UNIT, shard)
        self._times = times

    def step(self, name: str, do: Callable[[], T]) -> T:
        began = time.monotonic()
        answer = do()
        self._times.add(name, time.monotonic() - began)
        return answer


def fill(url: str, days: Sequence[date], rows: int) -> None:
    """Insert `rows` final deliveries into each of these days."""
    engine = connect(url)
    for each in days:
        Partitions(engine).ensure([each])
    engine.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for number, each in enumerate(days, 1):
            suffix = f"_{each:%Y%m%d}"
            connection.execute(f"ALTER TABLE deliveries{suffix} SET (fillfactor = 100)".encode())
            start = int(datetime(each.year, each.month, each.day, tzinfo=UTC).timestamp() * 1000)
            connection.execute(_FILL.format(suffix=suffix).encode(), {"start": start, "rows": rows})
            if number % 10 == 0:
                say(f"{number} days are filled")
        connection.execute("CHECKPOINT")


_WAITING = b"""
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8
FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = 'load'
"""


class LockWaits(threading.Thread):
    """Samples every 5 ms how long a statement of the load has waited for a lock."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._ended = threading.Event()
        self.longest_ms = 0.0

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._ended.wait(0.005):
                row = connection.execute(_WAITING).fetchone()
                self.longest_ms = max(self.longest_ms, (row[0] if row else 0.0) * 1000)

    def stop(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def load(url: str, rate: int, threads: int, times: Times) -> Iterator[None]:
    """Run record, load, begin, finish and settle for `rate` events a second, for as long as the block lasts."""
    stop = threading.Event()
    engine = connect(url, pool_size=threads, binary=True, application="load")
    pause = UNIT * threads / rate
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            steps = Timed(engine, f"shard {number} {time.monotonic()}", times)
            due = time.monotonic() + pause * number / threads
            unit = 0
            while not stop.wait(max(0.0, due - time.monotonic())):
                steps.unit(unit)
                unit, due = unit + 1, max(due + pause, time.monotonic() - pause)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for each in running:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in running:
            each.join()
        engine.dispose()
    if failures:
        raise failures[0]


def drop(engine: Engine, bridges: int) -> int:
    """Let so many bridges count and drop old days until none is left. Returns how many days are left."""

    def run() -> None:
        chore = DropOldDays(Retention(engine, KEEP_DAYS))
        while left(engine):
            time.sleep(min(1.0, chore.run_once().seconds))

    running = [threading.Thread(target=run) for _ in range(bridges)]
    for each in running:
        each.start()
    while any(each.is_alive() for each in running):
        running[0].join(10)
        say(f"{left(engine)} old days are left")
    return left(engine)


def left(engine: Engine) -> int:
    """How many days older than KEEP_DAYS have partitions."""
    with engine.connect() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT count(DISTINCT right(relname, 8)) FROM pg_class WHERE relkind = 'r' "
                    "AND relname ~ '^(notifications|deliveries|delivery_events|feedback)_[0-9]{8}$' "
                    "AND to_date(right(relname, 8), 'YYYYMMDD') < current_date - :keep"
                ),
                {"keep": KEEP_DAYS},
            ).scalar_one()
        )


def bridge_login(url: str, owner: bool) -> Engine:
    """An engine with the login of the owner, or with the role of a bridge, which owns no table."""
    engine = connect(url, pool_size=6)
    if not owner:
        grant_roles(engine)
        engine.dispose()

        @event.listens_for(engine, "connect")
        def _(connection: psycopg.Connection, _: object) -> None:
            connection.execute(b"SET SESSION AUTHORIZATION notifier_bridge")
            connection.commit()

    return engine


def measure(url: str, given: argparse.Namespace) -> dict[str, object]:
    migrate(url)
    days = [datetime.now(UTC).date() - timedelta(days=KEEP_DAYS + 1 + back) for back in range(given.days)]
    fill(url, days, given.rows)
    engine = bridge_login(url, given.login == "owner")
    alone, beside = Times(), Times()
    with load(url, given.rate, given.threads, alone):
        time.sleep(given.seconds)
    began, waits = time.monotonic(), LockWaits(url)
    waits.start()
    with load(url, given.rate, given.threads, beside):
        remain = drop(engine, given.bridges)
    seconds = time.monotonic() - began
    waits.stop()
    engine.dispose()
    events = len(beside.steps.get("finish", ())) * UNIT
    return {
        "days": given.days,
        "rows": given.rows,
        "left": remain,
        "login": given.login,
        "seconds": round(seconds, 1),
        "events_per_second": round(events / seconds),
        "alone": alone.summary(),
        "while_dropping": {**beside.summary(), "longest_lock_wait_ms": round(waits.longest_ms, 1)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.retention", description=__doc__)
    parser.add_argument("--days", type=whole_number, default=365)
    parser.add_argument(
        "--rows", type=whole_number, default=100_000, help="in each day; 36.5 million take about 20 GB"
    )
    parser.add_argument("--rate", type=whole_number, default=1_000, help="events a second")
    parser.add_argument("--threads", type=whole_number, default=4, help="that send them")
    parser.add_argument("--bridges", type=whole_number, default=2, help="that drop days at once")
    parser.add_argument("--seconds", type=positive, default=20.0, help="of the load alone")
    parser.add_argument("--login", choices=("owner", "bridge"), default="owner")
    given = parser.parse_args()
    with workspace() as folder, embedded_postgres(folder) as postgres:
        postgres.create_database("notifier")
        found = measure(postgres.url("notifier"), given)
    print(json.dumps({**found, "machine": machine()}))


if __name__ == "__main__":
    main()
