"""How far the streams of each table are read: lag, shards that no bridge reads, streams that wait for another."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from notifier.outbox.statements import statement

WARNING_SECONDS = 60.0
ALARM_SECONDS = 3_600.0
CRITICAL_SECONDS = 6 * 3_600.0
"""Lags from which reading is behind. DynamoDB keeps records for 24 hours; after that they are lost."""
DISCOVERY_ALARM_SECONDS = 120.0
"""Shards of a table that could not be listed for longer, or that ended longer ago and have no known child, are an
alarm. Bridges list them every 15 seconds; DynamoDB may show a child late.
"""

_LAGS = statement(__package__, "table_lags.sql")
_WAITING = statement(__package__, "waiting_streams.sql")
_REWINDS = statement(__package__, "open_rewinds.sql")
_RECORDS = statement(__package__, "table_records.sql")


@dataclass(frozen=True, slots=True)
class TableLag:
    """`shards` of the table that can be read now, how many of them no bridge reads (`unread`), and the largest lag.

    A shard can be read once its parent is read to its end. `seconds`: everything in the shards that is older is
    recorded.
    """

    table: str
    shards: int
    unread: int
    seconds: float

    @property
    def abandoned(self) -> bool:
        """Whether no bridge reads any shard of the table."""
        return self.unread == self.shards


@dataclass(frozen=True, slots=True)
class WaitingStream:
    """A stream that is read only after an older stream of its table, and for how many seconds it has waited."""

    table: str
    stream: str
    waits_for: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OpenRewinds:
    """`shards` of a table to be read again, `busy` if a bridge reads one, and seconds since the first request."""

    table: str
    shards: int
    busy: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class TableRecords:
    """Records of a table that were read so far; `at` is the time by the database's clock, in Unix seconds."""

    table: str
    read: int
    unrouted: int
    at: float


class StreamStatus:
    """Reads the state of all tables; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lags(self) -> list[TableLag]:
        """Return the lag of each table with an open shard, whether or not a bridge is configured for the table."""
        with self._engine.connect() as connection:
            return lags(connection)

    def waiting(self) -> list[WaitingStream]:
        """Return the pairs of a stream and an older one of the same table that is not read to its end."""
        with self._engine.connect() as connection:
            return waiting(connection)

    def rewinds(self) -> list[OpenRewinds]:
        """Return the rewinds that have not ended, by table."""
        with self._engine.connect() as connection:
            return rewinds(connection)

    def records(self, tables: Sequence[str] | None = None) -> list[TableRecords]:
        """Return how many records of these tables were read, and how many of them were unrouted; None: of all."""
        values = {"tables": None if tables is None else list(tables)}
        with self._engine.connect() as connection:
            return [TableRecords(*row) for row in connection.execute(_RECORDS, values)]


def lags(connection: Connection) -> list[TableLag]:
    """`StreamStatus.lags`, on a connection of the caller."""
    return [TableLag(*row) for row in connection.execute(_LAGS)]


def waiting(connection: Connection) -> list[WaitingStream]:
    """`StreamStatus.waiting`, on a connection of the caller."""
    return [WaitingStream(*row) for row in connection.execute(_WAITING)]


def rewinds(connection: Connection) -> list[OpenRewinds]:
    """`StreamStatus.rewinds`, on a connection of the caller."""
    return [OpenRewinds(*row) for row in connection.execute(_REWINDS)]
