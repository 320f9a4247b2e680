"""Whether bridges still find the shards of their tables. By the database's clock, and the same for all bridges."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

_RECENT_SECONDS = 600.0
"""A table that no bridge has asked for this long is no bridge's any more."""

_NOTE = text("""
INSERT INTO table_listings AS known (table_name, listed_at, error)
VALUES (:table, CASE WHEN CAST(:error AS text) IS NULL THEN now() END, CAST(:error AS text))
ON CONFLICT (table_name) DO UPDATE SET
  first_asked_at = CASE WHEN known.asked_at < now() - make_interval(secs => :recent) THEN now()
                        ELSE known.first_asked_at END,
  asked_at = now(), listed_at = coalesce(excluded.listed_at, known.listed_at), error = excluded.error
""")

# While a stream is on, a shard that ends has a child. That of an older stream of the table need not have one. After a
# day without one it is a gap.
_STATE = text("""
WITH newest AS (
  SELECT DISTINCT ON (table_name) id, table_name, let_go_at FROM streams
  ORDER BY table_name, arn COLLATE "C" DESC
), childless AS (
  SELECT newest.table_name, count(*) AS shards, max(extract(epoch FROM now() - s.finished_at)) AS seconds
  FROM newest JOIN shards s ON s.stream_id = newest.id AND newest.let_go_at IS NULL
  WHERE s.state <> 'open' AND s.finished_at > now() - make_interval(hours => 48)
    AND NOT EXISTS (
      SELECT FROM shards child WHERE child.stream_id = s.stream_id AND child.parent_shard_id = s.shard_id
    )
    AND NOT EXISTS (SELECT FROM gaps WHERE gaps.shard = s.id AND gaps.acknowledged_at IS NOT NULL)
  GROUP BY newest.table_name
)
SELECT known.table_name, extract(epoch FROM now() - coalesce(known.listed_at, known.first_asked_at))::float8,
       coalesce(childless.shards, 0)::int, coalesce(childless.seconds, 0)::float8,
       EXISTS (
         SELECT FROM streams st JOIN shards s ON s.stream_id = st.id
         WHERE st.table_name = known.table_name AND s.state = 'open'
       ), known.error
FROM table_listings known LEFT JOIN childless USING (table_name)
WHERE known.asked_at > now() - make_interval(secs => :recent) ORDER BY known.table_name
""")


@dataclass(frozen=True, slots=True)
class TableDiscovery:
    """`seconds` since all shards of the table were listed. `childless` shards have ended, and their children are
    unknown, the longest for `childless_seconds`. `readable`: some shard has not ended. `error` is of the last try.
    """

    table: str
    seconds: float
    childless: int
    childless_seconds: float
    readable: bool
    error: str | None

    @property
    def unread_seconds(self) -> float:
        """For how long records may have been written to shards that nobody knows."""
        return max(self.childless_seconds, 0.0 if self.readable else self.seconds)


class Discovery:
    """What the sweeps of all bridges found."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, table: str, error: str | None) -> None:
        """The shards of the table were listed, or were not because of this error."""
        with self._engine.begin() as connection:
            connection.execute(_NOTE, {"table": table, "error": error, "recent": _RECENT_SECONDS})

    def state(self) -> list[TableDiscovery]:
        """Of each table that a bridge asked for within the last ten minutes."""
        with self._engine.connect() as connection:
            return discovery(connection)


def discovery(connection: Connection) -> list[TableDiscovery]:
    return [TableDiscovery(*row) for row in connection.execute(_STATE, {"recent": _RECENT_SECONDS})]
