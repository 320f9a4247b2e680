"""Make a database with a history: notifications of many days and people, with every status, counted and listed.

    make_history(url, rows=10_000_000, days=90)  # about 12 GB; the function prints its progress if asked to

Used by the benchmarks of searches, of the console's pages and of `notifier erase`.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg

from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.notifications import first_id
from notifier.outbox import Partitions, Retention

PER_PERSON = 50
"""Notifications of one person, spread over all days."""

EVERYBODY = "busy@example.com"
"""A recipient of every hundredth notification."""

RARE_ROUTE = "welcome"
"""A route of every ten-thousandth notification."""

# Into the partitions themselves, packed and in the order of ids. A person's number is spread over the days by a
# multiplication without common divisors.
_FILL = """
WITH old AS MATERIALIZED (
  SELECT (lpad(to_hex(ms), 12, '0') || '8' || substr(hash, 1, 3) || 'a' || substr(hash, 4, 15))::uuid AS id,
         n, person, to_timestamp(ms / 1000.0) AS at,
         CASE WHEN n %% 100 = 7 THEN '{everybody}' ELSE 'person.' || person || '@example.com' END AS recipient,
         CASE WHEN n %% 10000 = 17 THEN '{rare}' ELSE 'friend_request' END AS route,
         (CASE WHEN n %% 1000 < 3 THEN 'failed' WHEN n %% 1000 < 8 THEN 'bounced' WHEN n %% 5000 = 9 THEN 'complained'
               WHEN n %% 1000 = 10 THEN 'suppressed' WHEN n %% 50000 = 11 THEN 'unknown'
               WHEN n %% 100 = 12 THEN 'skipped' WHEN n %% 100 = 13 THEN 'sent'
               ELSE 'delivered' END)::delivery_status AS status
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
       LATERAL (SELECT (%(start)s + (n - %(first)s) * %(step)s)::bigint AS ms, md5('old ' || n) AS hash,
                       n * 7919 %% %(people)s AS person) AS own
), noted AS (
  INSERT INTO notifications{suffix}
    (notification_id, shard, sequence_number, route, channel, table_name, record, recorded_at)
  SELECT id, %(shard)s, lpad(n::text, 21, '0'), route, 'email', 'activity', convert_to(
           '{{"eventName":"INSERT","dynamodb":{{"Keys":' || keys || ',"NewImage":' || left(keys, -1)
           || ',"to":{{"S":"' || recipient || '"}},"text":{{"S":"' || repeat('Lorem ipsum ', 20)
           || '"}}}}}}}}', 'UTF8'), at
  FROM old, LATERAL (
    SELECT '{{"pk":{{"S":"user#' || person || '"}},"sk":{{"S":"request#' || n || '"}}}}' AS keys
  ) AS item
), told AS (
  INSERT INTO delivery_events{suffix} (notification_id, at, status_from, status_to, attempt, actor, reason, detail)
  SELECT id, at, 'pending', 'failed', 0, 'worker-1', 'ValueError', 'ValueError: no mail to ' || recipient
  FROM old WHERE status = 'failed'
)
INSERT INTO deliveries{suffix}
  (notification_id, status, attempt, token, begun_at, ended_at, recipient, provider_message_id, reason)
SELECT id, status, 1, '00000001-0000-0000-0000-000000000000', at, at,
       CASE WHEN status <> 'skipped' THEN recipient END, '0102018c0f5b7a10-' || id || '-000000',
       CASE status WHEN 'failed' THEN 'timeout after ' || n %% 30 || ' s' WHEN 'bounced' THEN 'no such mailbox' END
FROM old
"""
_LIST = Path(__file__).with_name("list_day.sql").read_text()
_STREAM = """
INSERT INTO streams (arn, table_name)
VALUES ('arn:aws:dynamodb:eu-west-1:1:table/activity/stream/2026-01-01T00:00:00.000', 'activity') RETURNING id
"""
_SHARD = """
INSERT INTO shards (stream_id, shard_id, records_read, records_notified) VALUES (%s, 'shardId-1', %s, %s) RETURNING id
"""


@dataclass(frozen=True, slots=True)
class History:
    """How many rows and days there are; `people` have the numbers from 0 on."""

    rows: int
    days: int

    @property
    def people(self) -> int:
        return max(1, self.rows // PER_PERSON)

    def address(self, person: int) -> str:
        """Return the address of a person."""
        return f"person.{person % self.people}@example.com"


def make_history(url: str, rows: int, days: int, progress: Callable[[str], None] = lambda _: None) -> History:
    """Migrate an empty database and fill it with `rows` notifications of today and the days before, evenly.

    Days that are over are counted and listed, as bridges do.
    """
    migrate(url)
    past = [datetime.now(UTC).date() - timedelta(days=back) for back in range(days)]
    engine = connect(url)
    Partitions(engine).ensure(past)
    history = History(rows, days)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO actors (name) VALUES ('worker-1')")
        shard = _shard(connection, rows)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = [(rows * number // days, rows * (number + 1) // days - 1) for number in range(days)]
            made = pool.map(partial(_make_day, url, shard, history), past, parts)
            for number, _ in enumerate(made, 1):
                progress(f"{number} of {days} days are made")
        retention = Retention(engine, keep_days=0)
        while retention.run_once():
            pass
        progress("VACUUM")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    engine.dispose()
    return history


def _shard(connection: psycopg.Connection, rows: int) -> int:
    (stream,) = connection.execute(_STREAM).fetchone() or (0,)
    (shard,) = connection.execute(_SHARD, (stream, rows, rows)).fetchone() or (0,)
    return int(shard)


def _make_day(url: str, shard: int, history: History, day: date, rows: tuple[int, int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        _fill(connection, shard, history, day, rows)
        if day < (datetime.now(UTC) - timedelta(hours=1)).date():
            ends = {"first": first_id(_milliseconds(day)), "end": first_id(_milliseconds(day + timedelta(days=1)))}
            connection.execute(_LIST.format(suffix=f"_{day:%Y%m%d}", day=day, **ends).encode())


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _fill(connection: psycopg.Connection, shard: int, history: History, day: date, rows: tuple[int, int]) -> None:
    suffix = f"_{day:%Y%m%d}"
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = (min(start + timedelta(days=1), datetime.now(UTC)) - start).total_seconds()
    values = {
        "first": rows[0],
        "last": rows[1],
        "start": _milliseconds(day),
        "step": seconds * 1000 / (rows[1] - rows[0] + 2),
        "people": history.people,
        "shard": shard,
    }
    connection.execute(f"ALTER TABLE deliveries{suffix} SET (fillfactor = 100)".encode())
    fill = _FILL.format(suffix=suffix, everybody=EVERYBODY, rare=RARE_ROUTE)
    connection.execute(fill.encode(), values)
