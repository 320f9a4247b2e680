"""Insert many old notifications, as the outbox has them after days of operation."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg

from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.outbox import Partitions, Retention

DAYS = 5
"""Default number of days: today and those before it, each with the same share of the rows."""
_CHUNK = 250_000
_RECORD_BYTES = 1_200  # of an item of 1 KB in the JSON of GetRecords

# Ids as notifier/notifications.py makes them: 48 bits of time, then unique bits.
_FILL = """
WITH old AS MATERIALIZED (
  SELECT (lpad(to_hex(ms), 12, '0') || '8' || substr(hash, 1, 3) || 'a' || substr(hash, 4, 15))::uuid AS id,
         n, to_timestamp(ms / 1000.0) AS at
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
       LATERAL (SELECT (%(start)s + n * %(step)s)::bigint AS ms, md5('old ' || n) AS hash) AS own
), noted AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record, recorded_at)
  SELECT id, 0, lpad(n::text, 21, '0'), 'friend_request', 'email', 'activity',
         convert_to(rpad('{"eventID":"' || id || '"', %(bytes)s, ' Lorem ipsum'), 'UTF8'), at
  FROM old
)
INSERT INTO deliveries
  (notification_id, status, attempt, token, begun_at, ended_at, recipient, provider_message_id)
SELECT id, 'sent', 1, gen_random_uuid(), at, at, 'ana.berg.' || n || '@example.com',
       '0102018c0f5b7a10-' || id || '-000000'
FROM old
"""


def fill(url: str, rows: int, progress: Callable[[int], None] = lambda _: None, days: int = DAYS) -> None:
    """Migrate, insert sent notifications of today and the days before, and run VACUUM and ANALYZE.

    Days that have ended are counted, as bridges do once for each day, so that the next measurement does not include
    that. `progress` is called with the number of rows so far.
    """
    migrate(url)
    past = [datetime.now(UTC).date() - timedelta(days=back) for back in range(days)]
    _ensure(url, past)
    done = 0
    with psycopg.connect(url, autocommit=True) as connection:
        for number, day in enumerate(past):
            share = rows * (number + 1) // days - rows * number // days
            start, step = _span(day, share)
            for first in range(0, share, _CHUNK):
                last = min(first + _CHUNK, share) - 1
                values = {"start": start, "step": step, "first": first, "last": last, "bytes": _RECORD_BYTES}
                connection.execute(_FILL, values)
                done += last - first + 1
                progress(done)
        _count(url)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")  # now, so that it is not part of the next measurement


def _span(day: date, rows: int) -> tuple[int, float]:
    """The start of a day in Unix milliseconds, and the milliseconds between its rows, all before now."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = min(start + timedelta(days=1), datetime.now(UTC))
    return int(start.timestamp() * 1000), (end - start).total_seconds() * 1000 / max(1, rows)


def _count(url: str) -> None:
    engine = connect(url)
    try:
        retention = Retention(engine, keep_days=0)
        while retention.run_once():
            pass
    finally:
        engine.dispose()


def _ensure(url: str, days: list[date]) -> None:
    engine = connect(url)
    try:
        Partitions(engine).ensure(days)
    finally:
        engine.dispose()
