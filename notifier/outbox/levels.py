"""Levels of the outbox, for monitoring: from the small tables only, however many notifications there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause, text

from notifier.notifications import created_ms

_PATIENCE = text("SET LOCAL statement_timeout = '5s'")

# A child counts once its parent is read to its end.
_TABLES = text("""
WITH known AS (
  SELECT s.*, st.table_name,
         s.state = 'open' AND NOT EXISTS (
           SELECT FROM shards parent
           WHERE parent.stream_id = s.stream_id AND parent.shard_id = s.parent_shard_id AND parent.state = 'open'
         ) AS readable
  FROM shards s JOIN streams st ON st.id = s.stream_id
)
SELECT table_name,
       sum(records_notified)::bigint, sum(records_unrouted)::bigint, sum(records_quarantined)::bigint,
       count(*) FILTER (WHERE readable), count(*) FILTER (WHERE readable AND coalesce(lease_until < now(), true)),
       coalesce(max(extract(epoch FROM now() - coalesce(greatest(caught_up_at, last_record_at), discovered_at)))
                FILTER (WHERE readable), 0)::float8
FROM known GROUP BY table_name ORDER BY table_name
""")

_LOSSES = text("""
SELECT (SELECT count(*) FROM gaps), (SELECT count(*) FROM gaps WHERE acknowledged_at IS NULL),
       (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL)
""")

# The first of a page is about its oldest; ids begin with the time of their event.
_PENDING = text("""
SELECT channel, 'pending', sum(cardinality(notification_ids)), min(CAST(notification_ids[1] AS text)),
       extract(epoch FROM now())::float8
FROM publications GROUP BY channel ORDER BY channel
""")

_UNDER_WAY = text("""
SELECT channel, 'sending', sum(cardinality(notification_ids)) FROM claims GROUP BY channel
UNION ALL SELECT channel, kind, count(*) FROM due GROUP BY channel, kind ORDER BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class TableLevel:
    """The streams of one table. `shards` are those that could be read now, `unread` those of them without a reader;
    `lag` is seconds that the last of them is behind.
    """

    table: str
    notified: int
    unrouted: int
    quarantined: int
    shards: int
    unread: int
    lag: float


@dataclass(frozen=True, slots=True)
class ChannelLevel:
    """Deliveries of a channel that are `pending`, `sending`, or wait for a `retry` or as `unknown`. `age` is seconds
    since the event of the oldest one, where that is known.
    """

    channel: str
    status: str
    deliveries: int
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """`gaps` are all that there ever were, `open_gaps` those that nobody has acknowledged."""

    tables: Sequence[TableLevel]
    channels: Sequence[ChannelLevel]
    gaps: int
    open_gaps: int
    quarantined: int


class Levels:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> Level:
        """What was settled since the relay last looked counts as pending still: for some seconds."""
        with self._engine.begin() as connection:
            connection.execute(_PATIENCE)
            tables = [TableLevel(*row) for row in _rows(connection, _TABLES)]
            waiting = [_pending(*row) for row in _rows(connection, _PENDING)]
            under_way = [ChannelLevel(*row) for row in _rows(connection, _UNDER_WAY)]
            ((gaps, open_gaps, quarantined),) = _rows(connection, _LOSSES)
        return Level(tables, waiting + under_way, gaps, open_gaps, quarantined)


def _rows(connection: Connection, statement: TextClause) -> Sequence[Any]:
    return connection.execute(statement).all()


def _pending(channel: str, status: str, deliveries: int, oldest: str | None, now: float) -> ChannelLevel:
    age = None if oldest is None else max(0.0, now - created_ms(UUID(oldest)) / 1000)
    return ChannelLevel(channel, status, deliveries, age)
