"""Whether bridges still find the shards of their tables. By the database's clock, and the same for all bridges."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

_RECENT_SECONDS = 600.0
"""A table that no bridge has asked for this long is no bridge's any more."""
_PAUSE_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
"""Children may be shown so long after their parent's end; before that nobody asks whether the stream is on."""

# Where nobody asked for a while, although nothing was wrong, no bridge ran: that is no trouble in finding shards.
_NOTE = text("""
INSERT INTO table_listings AS known (table_name, listed_at, error, stream_on)
VALUES (:table, CASE WHEN CAST(:error AS text) IS NULL THEN now() END, CAST(:error AS text), :stream_on)
ON CONFLICT (table_name) DO UPDATE SET
  first_asked_at = CASE WHEN known.asked_at < now() - make_interval(secs => :recent)
                          OR known.asked_at < now() - make_interval(secs => :pause) AND known.error IS NULL
                        THEN now() ELSE known.first_asked_at END,
  asked_at = now(), listed_at = coalesce(excluded.listed_at, known.listed_at), error = excluded.error,
  stream_on = coalesce(excluded.stream_on, known.stream_on)
""")

# While a stream is on, a shard that ends has a child. That of an older stream of the table, or of one that was
# switched off, need not have one. After a day without one it is a gap.
_CHILDLESS = """
FROM (
  SELECT DISTINCT ON (table_name) id, arn, table_name, let_go_at FROM streams
  ORDER BY table_name, arn COLLATE "C" DESC
) newest JOIN shards s ON s.stream_id = newest.id AND newest.let_go_at IS NULL
WHERE s.state <> 'open' AND s.finished_at > now() - make_interval(hours => 48)
  AND NOT EXISTS (
    SELECT FROM shards child WHERE child.stream_id = s.stream_id AND child.parent_shard_id = s.shard_id
  )
  AND NOT EXISTS (SELECT FROM gaps WHERE gaps.shard = s.id AND gaps.acknowledged_at IS NOT NULL)
"""

_CHILDLESS_STREAM = text(f"""
SELECT newest.arn {_CHILDLESS} AND newest.table_name = :table
  AND s.finished_at < now() - make_interval(secs => :patience) LIMIT 1
""")

_STATE = text(f"""
WITH childless AS (
  SELECT newest.table_name, count(*) AS shards, max(extract(epoch FROM now() - s.finished_at)) AS seconds
  {_CHILDLESS} GROUP BY newest.table_name
)
SELECT known.table_name, extract(epoch FROM now() - coalesce(known.listed_at, known.first_asked_at))::float8,
       coalesce(childless.shards, 0)::int, coalesce(childless.seconds, 0)::float8,
       EXISTS (
         SELECT FROM streams st JOIN shards s ON s.stream_id = st.id
         WHERE st.table_name = known.table_name AND s.state = 'open'
       ), known.error,
       extract(epoch FROM now() - known.first_asked_at)::float8, extract(epoch FROM now() - known.asked_at)::float8
FROM table_listings known LEFT JOIN childless
  ON childless.table_name = known.table_name AND known.stream_on IS NOT FALSE
WHERE known.asked_at > now() - make_interval(secs => :recent) ORDER BY known.table_name
""")  # noqa: S608  a constant of this module


@dataclass(frozen=True, slots=True)
class TableDiscovery:
    """`seconds` since all shards of the table were listed. `childless` shards have ended, and their children are
    unknown, the longest for `childless_seconds`. `readable`: some shard has not ended. `error` is of the last try.

    Bridges have asked for the table again and again for `asking_seconds`, for the last time `asked_seconds` ago.
    """

    table: str
    seconds: float
    childless: int
    childless_seconds: float
    readable: bool
    error: str | None
    asking_seconds: float = float("inf")
    asked_seconds: float = 0.0

    @property
    def unread_seconds(self) -> float:
        """For how long records may have been written to shards that nobody knows."""
        return max(self.childless_seconds, 0.0 if self.readable else self.seconds)


class Discovery:
    """What the sweeps of all bridges found."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, table: str, error: str | None, *, stream_on: bool | None = True) -> None:
        """The shards of the table were listed, or were not because of this error. `stream_on`: whether the newest
        stream takes records, so that its ended shards have children; None leaves that as it was.
        """
        values = {
            "table": table,
            "error": error,
            "stream_on": stream_on,
            "recent": _RECENT_SECONDS,
            "pause": _PAUSE_SECONDS,
        }
        with self._engine.begin() as connection:
            connection.execute(_NOTE, values)

    def childless_stream(self, table: str) -> str | None:
        """The table's newest stream, where a shard of it ended a while ago and has no child: is that stream on?"""
        with self._engine.connect() as connection:
            found = connection.scalar(_CHILDLESS_STREAM, {"table": table, "patience": _PATIENCE_SECONDS})
            return None if found is None else str(found)

    def state(self) -> list[TableDiscovery]:
        """Of each table that a bridge asked for within the last ten minutes."""
        with self._engine.connect() as connection:
            return discovery(connection)


def discovery(connection: Connection) -> list[TableDiscovery]:
    return [TableDiscovery(*row) for row in connection.execute(_STATE, {"recent": _RECENT_SECONDS})]
