"""Whether bridges find the shards of their tables. By the database's clock, and the same for all bridges."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from notifier.outbox.statements import statement

_RECENT_SECONDS = 600.0
"""A table whose shards no bridge has listed for so long is not read by any bridge any more."""
_PAUSE_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
"""DynamoDB may show the children of a shard so long after its end; until then their absence means nothing."""

_NOTE = statement(__package__, "note_listing.sql")
_CHILDLESS_STREAM = statement(__package__, "childless_stream.sql")
_STATE = statement(__package__, "table_discovery.sql")


@dataclass(frozen=True, slots=True)
class TableDiscovery:
    """What is known of a table's shards.

    `seconds`: since all shards were listed. `childless`: shards that ended and have no known child;
    `childless_seconds`: since the first of them ended. `readable`: whether a shard has not ended. `error`: of the
    last try to list the shards. Bridges have listed them, or tried to, without a pause for `asking_seconds`, and last
    did so `asked_seconds` ago.
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
        """For how many seconds records may have been written to shards that are not known."""
        return max(self.childless_seconds, 0.0 if self.readable else self.seconds)


class Discovery:
    """The listings of shards by all bridges."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, table: str, error: str | None, *, stream_on: bool | None = True) -> None:
        """Write down that the shards of the table were listed, or were not because of this error.

        `stream_on`: whether the newest stream takes records, so that its ended shards must have children; None if
        that was not asked.
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
        """Return the ARN of the table's newest stream if one of its shards ended 30 seconds ago or earlier and has no
        child: the caller then asks whether that stream is on. None if there is no such shard.
        """
        with self._engine.connect() as connection:
            found = connection.scalar(_CHILDLESS_STREAM, {"table": table, "patience": _PATIENCE_SECONDS})
            return None if found is None else str(found)

    def state(self) -> list[TableDiscovery]:
        """Return the state of each table whose shards a bridge listed, or tried to, in the last ten minutes."""
        with self._engine.connect() as connection:
            return discovery(connection)


def discovery(connection: Connection) -> list[TableDiscovery]:
    """`Discovery.state`, on a connection of the caller."""
    return [TableDiscovery(*row) for row in connection.execute(_STATE, {"recent": _RECENT_SECONDS})]
