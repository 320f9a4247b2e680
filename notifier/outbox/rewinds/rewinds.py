"""A shard that is read again: records that were unrouted, or quarantined, and that have a route now, are told.

The shard's checkpoint stays where it is, and the shard is read on from there meanwhile. A rewind has a range of its
own, up to the checkpoint that the shard had when it was asked for. Each record up to there was counted once: as
notified where it has a notification, as quarantined where quarantine holds it, else as unrouted. A page of a rewind
moves records from the last two to the first, in one transaction with its own position, so that it may be repeated or
killed anywhere.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.errors import LeaseLost
from notifier.notifications import created_ms, first_id
from notifier.outbox.days import within
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.stream.pages import NewNotification
from notifier.outbox.stream.recording import insert_publications

# One after another along the tree of shards, and an old stream before the one that followed it: each item's changes
# are told in their order. Any bridge that has a route for the table may do it.
_TAKE = text("""
UPDATE rewinds r SET owner = :owner, epoch = r.epoch + 1, lease_until = now() + make_interval(secs => :ttl)
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.id = r.shard AND r.id = (
  SELECT free.id FROM rewinds free JOIN shards its ON its.id = free.shard
  JOIN streams source ON source.id = its.stream_id
  WHERE free.ended_at IS NULL AND source.table_name = ANY(CAST(:tables AS text[]))
    AND (free.lease_until IS NULL OR free.lease_until < now() OR free.owner = :owner)
    AND (free.again_at IS NULL OR free.again_at <= now())
    AND NOT EXISTS (
      WITH RECURSIVE above AS (
        SELECT its.stream_id, its.parent_shard_id AS shard_id
        UNION
        SELECT parent.stream_id, parent.parent_shard_id
        FROM above JOIN shards parent ON parent.stream_id = above.stream_id AND parent.shard_id = above.shard_id
      )
      SELECT FROM above
      JOIN shards parent ON parent.stream_id = above.stream_id AND parent.shard_id = above.shard_id
      JOIN rewinds before ON before.shard = parent.id AND before.ended_at IS NULL
    )
    AND NOT EXISTS (
      SELECT FROM rewinds before JOIN shards older ON older.id = before.shard
      JOIN streams earlier ON earlier.id = older.stream_id
      WHERE before.ended_at IS NULL AND earlier.arn < source.arn COLLATE "C"
        AND split_part(earlier.arn, '/stream/', 1) = split_part(source.arn, '/stream/', 1)
    )
  ORDER BY source.arn, its.shard_id LIMIT 1 FOR UPDATE OF free SKIP LOCKED
)
RETURNING r.id, r.owner, r.epoch, s.id AS shard, s.shard_id, st.arn, st.table_name, r.since, r.until, r.position
""")

# The fence: whoever lost the rewind, or the answer to its last page, changes no row here.
_MOVE = text("""
UPDATE rewinds SET
  position = :position, examined = examined + :examined, outcome = CAST(:outcome AS text),
  ended_at = CASE WHEN CAST(:outcome AS text) IS NOT NULL THEN now() END,
  owner = CASE WHEN CAST(:outcome AS text) IS NULL THEN owner END,
  lease_until = CASE WHEN CAST(:outcome AS text) IS NULL THEN now() + make_interval(secs => :ttl) END,
  gone_since = NULL, again_at = NULL, error = CASE WHEN CAST(:outcome AS text) = 'gone' THEN error END
WHERE id = :id AND owner = :owner AND epoch = :epoch AND ended_at IS NULL
  AND position IS NOT DISTINCT FROM CAST(:previous AS text)
""")

# How long the shard is gone is known to all bridges: one alone may not keep the rewind for long enough.
_FAILED = text("""
UPDATE rewinds SET
  error = :error,
  gone_since = CASE WHEN :gone THEN coalesce(gone_since, now()) ELSE gone_since END,
  again_at = now() + make_interval(secs => CAST(:rest AS float8)),
  owner = CASE WHEN CAST(:rest AS float8) IS NULL THEN owner END,
  lease_until = CASE WHEN CAST(:rest AS float8) IS NULL THEN now() + make_interval(secs => :ttl) END
WHERE id = :id AND owner = :owner AND epoch = :epoch AND ended_at IS NULL
RETURNING extract(epoch FROM now() - gone_since)::float8
""")

# Whatever the route was called: the ids of all notifications of one moment stand side by side.
_RECORDED = text("""
SELECT n.sequence_number
FROM unnest(CAST(:firsts AS uuid[]), CAST(:lasts AS uuid[])) AS moment (first, last)
JOIN notifications n ON n.notification_id >= moment.first AND n.notification_id < moment.last
WHERE n.shard = :shard AND in_days(n.notification_id)
""")

_UNQUARANTINE = text("""
UPDATE quarantine SET replayed_at = now()
WHERE shard = :shard AND replayed_at IS NULL AND sequence_number = ANY(CAST(:numbers AS text[]))
RETURNING sequence_number
""")

_INSERT = text("""
WITH fresh AS (
  INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
  SELECT id, :shard, number, route, channel, :table, record
  FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]), CAST(:routes AS text[]), CAST(:channels AS text[]),
              CAST(:records AS bytea[])) AS made (id, number, route, channel, record)
  ON CONFLICT DO NOTHING RETURNING notification_id
)
INSERT INTO deliveries (notification_id) SELECT notification_id FROM fresh RETURNING notification_id
""")

# What is routed now was counted as unrouted, or as quarantined where it was. A record that was not counted at all
# cannot be; should there be one, it counts as read now, and no counter becomes negative.
#
# Metrics that only grow add what left a column, as they do for shards that were forgotten.
_COUNT = text("""
WITH left_columns AS (
  INSERT INTO forgotten_counts AS f (name, count)
  SELECT name, count
  FROM (VALUES ('records_quarantined', CAST(:released AS bigint)), ('records_unrouted', CAST(:routed AS bigint)))
    AS moved (name, count)
  WHERE count > 0
  ON CONFLICT (name, channel) DO UPDATE SET count = f.count + excluded.count
)
UPDATE shards SET
  records_read = records_read + greatest(0, CAST(:routed AS int) - CAST(:released AS int) - records_unrouted),
  records_notified = records_notified + :routed,
  records_unrouted = greatest(0, records_unrouted + CAST(:released AS int) - CAST(:routed AS int)),
  records_quarantined = records_quarantined - :released
WHERE id = :shard
""")

_TELL = text("UPDATE rewinds SET routed = routed + :routed, released = released + :released WHERE id = :id")

_FORGOTTEN = text("""
SELECT coalesce(last_record_at, discovered_at) < now() - make_interval(hours => 24) FROM shards WHERE id = :shard
""")


@dataclass(frozen=True, slots=True)
class Rewind:
    """The right to read one shard again, until `epoch` moves on. `since` None: all that the stream still has.

    `until` is the sequence number of the last record to be read again, `position` of the last one that was.
    """

    id: int
    owner: str
    epoch: int
    shard: int
    shard_id: str
    stream_arn: str
    table: str
    since: datetime | None
    until: str
    position: str | None


@dataclass(frozen=True, slots=True)
class RewindPage:
    """A page of a rewind: what its records become with the routes of now, and the position after it.

    `unrouted` are the sequence numbers of records that are understood and notify nobody. A record that cannot be
    understood is in neither: it stays what it was counted as.
    """

    position: str | None
    examined: int
    notifications: Sequence[NewNotification] = ()
    unrouted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RewindResult:
    """How many records became notifications, on each channel, and how many left quarantine."""

    channels: Mapping[str, int] = field(default_factory=dict)
    released: int = 0

    @property
    def routed(self) -> int:
        return sum(self.channels.values())


class Rewinds:
    """The rewinds of one bridge, called `owner`. `ttl` is how many seconds a silent bridge keeps one."""

    def __init__(self, engine: Engine, partitions: Partitions, owner: str, ttl: float) -> None:
        self._engine = engine
        self._partitions = partitions
        self._owner = owner
        self._ttl = ttl

    def take(self, tables: Collection[str]) -> Rewind | None:
        """A rewind of one of these tables that no other bridge is at; None where there is none."""
        values = {"owner": self._owner, "ttl": self._ttl, "tables": list(tables)}
        with self._engine.begin() as connection:
            row = connection.execute(_TAKE, values).first()
            return Rewind(*row) if row else None

    def correct(self, rewind: Rewind, page: RewindPage, outcome: str | None = None) -> RewindResult:
        """Move the rewind on, and record what has a route now, in one transaction. With an `outcome` it ends.

        Raises LeaseLost, and writes nothing, where another bridge took it, or an operator replaced or cancelled it.
        """
        self._partitions.ensure({_day(each.id) for each in page.notifications})
        with self._engine.begin() as connection:
            self._move(connection, rewind, page, outcome)
            if not page.notifications and not page.unrouted:
                return RewindResult()
            return _correct(connection, rewind, page)

    def failed(self, rewind: Rewind, error: str, *, gone: bool = False, rest: float | None = None) -> float | None:
        """Prolong the lease of a rewind that did not go on, and keep why. `gone`: DynamoDB says that the shard is not
        there; returns for how many seconds it has said so, None where it has not. With `rest` the rewind is given
        back, and nobody takes it for so many seconds.

        Raises LeaseLost where another bridge took it, or an operator replaced or cancelled it.
        """
        values = {**self._fence(rewind), "error": error, "gone": gone, "rest": rest}
        with self._engine.begin() as connection:
            if (row := connection.execute(_FAILED, values).first()) is None:
                raise self._lost(rewind)
        gone_for: float | None = row[0]
        return gone_for

    def is_forgotten(self, rewind: Rewind) -> bool:
        """Whether the shard's last record that was read is so old that the stream need not have it any more."""
        with self._engine.begin() as connection:
            return bool(connection.scalar(_FORGOTTEN, {"shard": rewind.shard}))

    def _move(self, connection: Connection, rewind: Rewind, page: RewindPage, outcome: str | None) -> None:
        values = {
            **self._fence(rewind),
            "previous": rewind.position,
            "position": page.position,
            "examined": page.examined,
            "outcome": outcome,
        }
        if connection.execute(_MOVE, values).rowcount != 1:
            raise self._lost(rewind)

    def _fence(self, rewind: Rewind) -> dict[str, Any]:
        return {"id": rewind.id, "owner": self._owner, "epoch": rewind.epoch, "ttl": self._ttl}

    def _lost(self, rewind: Rewind) -> LeaseLost:
        return LeaseLost(f"the rewind of {rewind.shard_id} is no longer held by {self._owner}")


def _correct(connection: Connection, rewind: Rewind, page: RewindPage) -> RewindResult:
    recorded = _recorded(connection, rewind.shard, page.notifications)
    missing = [each for each in page.notifications if int(each.sequence_number) not in recorded]
    understood = [*page.unrouted, *(each.sequence_number for each in missing)]
    values = {"shard": rewind.shard, "numbers": understood}
    released = len(connection.execute(_UNQUARANTINE, values).all())
    made = _insert(connection, rewind, missing)
    if made or released:
        counts = {"routed": len(made), "released": released}
        connection.execute(_COUNT, {"shard": rewind.shard, **counts})
        connection.execute(_TELL, {"id": rewind.id, **counts})
    insert_publications(connection, made, to_relay={each.channel for each in made})
    return RewindResult(Counter(each.channel for each in made), released)


def _recorded(connection: Connection, shard: int, made: Sequence[NewNotification]) -> set[int]:
    """The sequence numbers, of the moments of these, that have a notification already."""
    moments = sorted({created_ms(each.id) for each in made})
    if not moments:
        return set()
    values = {
        "shard": shard,
        "firsts": [first_id(each) for each in moments],
        "lasts": [first_id(each + 1) for each in moments],
    }
    statement = within(_RECORDED, [each.id for each in made])
    return {int(number) for number in connection.execute(statement, values).scalars()}


def _insert(connection: Connection, rewind: Rewind, made: Sequence[NewNotification]) -> list[NewNotification]:
    """Insert what is not there yet, and return that."""
    if not made:
        return []
    values: dict[str, Any] = {
        "shard": rewind.shard,
        "table": rewind.table,
        "ids": [each.id for each in made],
        "numbers": [each.sequence_number for each in made],
        "routes": [each.route for each in made],
        "channels": [each.channel for each in made],
        "records": [each.record for each in made],
    }
    fresh: set[UUID] = set(connection.execute(_INSERT, values).scalars())
    return [each for each in made if each.id in fresh]


def _day(id_: UUID) -> date:
    return datetime.fromtimestamp(created_ms(id_) / 1000, UTC).date()
