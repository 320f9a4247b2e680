"""How reading goes, per table: how far behind, what nobody reads, and which stream waits for an older one."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

WARNING_SECONDS = 60.0
ALARM_SECONDS = 3_600.0
CRITICAL_SECONDS = 6 * 3_600.0
"""Lags from which reading is behind. DynamoDB keeps records for 24 hours; after that they are lost."""

# Lag: everything in the shard that is older is recorded. A child can be read once its parent is read to its end.
_TABLES = text("""
SELECT st.table_name AS "table", count(*)::int AS shards,
       count(*) FILTER (WHERE s.lease_until IS NULL OR s.lease_until < now())::int AS unread,
       max(extract(
         epoch FROM now() - coalesce(greatest(s.caught_up_at, s.last_record_at), s.discovered_at)
       ))::float8 AS seconds
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.state = 'open' AND st.let_go_at IS NULL AND NOT EXISTS (
  SELECT FROM shards parent
  WHERE parent.stream_id = s.stream_id AND parent.shard_id = s.parent_shard_id AND parent.state = 'open'
)
GROUP BY st.table_name ORDER BY st.table_name
""")

# As in `bridge.stream.leases`: a stream waits for those that its table had before.
_WAITING = text("""
SELECT its.table_name AS "table", its.arn AS stream, before.arn AS waits_for,
       extract(epoch FROM now() - its.discovered_at)::float8 AS seconds
FROM streams its JOIN streams before
  ON before.arn < its.arn COLLATE "C"
 AND split_part(before.arn, '/stream/', 1) = split_part(its.arn, '/stream/', 1)
WHERE its.let_go_at IS NULL AND before.let_go_at IS NULL
  AND EXISTS (SELECT FROM shards WHERE stream_id = its.id AND state = 'open')
  AND EXISTS (SELECT FROM shards WHERE stream_id = before.id AND state = 'open')
ORDER BY its.table_name, its.arn, before.arn
""")

_REWINDS = text("""
SELECT st.table_name AS "table", count(*)::int AS shards, coalesce(bool_or(r.lease_until > now()), false) AS busy,
       extract(epoch FROM now() - min(r.asked_at))::float8 AS seconds
FROM rewinds r JOIN shards s ON s.id = r.shard JOIN streams st ON st.id = s.stream_id
WHERE r.ended_at IS NULL GROUP BY st.table_name ORDER BY st.table_name
""")

_RECORDS = text("""
SELECT st.table_name AS "table", sum(s.records_read)::int8 AS read, sum(s.records_unrouted)::int8 AS unrouted,
       extract(epoch FROM now())::float8 AS at
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE st.table_name = ANY(CAST(:tables AS text[])) GROUP BY st.table_name
""")


@dataclass(frozen=True, slots=True)
class TableLag:
    """`shards` of the table that can be read now, the `unread` ones that no bridge holds, and the lag in seconds."""

    table: str
    shards: int
    unread: int
    seconds: float

    @property
    def abandoned(self) -> bool:
        """Whether no bridge holds any shard of the table."""
        return self.unread == self.shards


@dataclass(frozen=True, slots=True)
class WaitingStream:
    """A stream that is not read before an older one of its table is, and for how many seconds it has waited."""

    table: str
    stream: str
    waits_for: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OpenRewinds:
    """`shards` of a table that are to be read again, since how many seconds, and whether a bridge is at it."""

    table: str
    shards: int
    busy: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class TableRecords:
    """Records of a table so far, `at` a time of the database's clock in Unix seconds."""

    table: str
    read: int
    unrouted: int
    at: float


class StreamStatus:
    """Asks the database; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lags(self) -> list[TableLag]:
        """Of each table with something left to read, whether or not a bridge is configured for it."""
        with self._engine.connect() as connection:
            return lags(connection)

    def waiting(self) -> list[WaitingStream]:
        """One row for each pair of a stream and an older one of the same table that is not read to its end."""
        with self._engine.connect() as connection:
            return waiting(connection)

    def rewinds(self) -> list[OpenRewinds]:
        """Of each table with a rewind that has not ended."""
        with self._engine.connect() as connection:
            return rewinds(connection)

    def records(self, tables: Sequence[str]) -> list[TableRecords]:
        """How many records of these tables were read, and how many of them were unrouted."""
        with self._engine.connect() as connection:
            return [TableRecords(*row) for row in connection.execute(_RECORDS, {"tables": list(tables)})]


def lags(connection: Connection) -> list[TableLag]:
    return [TableLag(*row) for row in connection.execute(_TABLES)]


def waiting(connection: Connection) -> list[WaitingStream]:
    return [WaitingStream(*row) for row in connection.execute(_WAITING)]


def rewinds(connection: Connection) -> list[OpenRewinds]:
    return [OpenRewinds(*row) for row in connection.execute(_REWINDS)]
