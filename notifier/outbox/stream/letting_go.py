"""Lets go of streams that are not to be read any more. Each shard that was not read to its end becomes a gap."""

from sqlalchemy import Connection, Engine

from notifier.errors import UsageError
from notifier.outbox.operator.journal import journal
from notifier.outbox.statements import statement

_LET_GO = statement(__package__, "let_stream_go.sql")
_KNOWN = statement(__package__, "is_known_stream.sql")
_KNOWN_TABLE = statement(__package__, "is_known_table.sql")
_LOSE_STREAM = statement(__package__, "lose_shards.sql", streams="arn = :arn")
_LOSE_TABLE = statement(__package__, "lose_shards.sql", streams="table_name = :table")
_READERS = statement(__package__, "readers_of_table.sql")


class LettingGo:
    """Streams and tables that one operator lets go; `actor` is the operator's name in the journal of operations."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def stream(self, arn: str, reason: str) -> int:
        """Let an old stream of a table go, for good: a newer one that waited for it is read from now on.

        Returns how many shards were not read to their end; each becomes a gap. Raises UsageError for a stream that is
        not known, or that is the newest of its table.
        """
        with self._engine.begin() as connection:
            if connection.execute(_LET_GO, {"arn": arn}).first() is None:
                raise UsageError(_why_not(connection, arn))
            values = {"arn": arn, "reason": f"the stream was let go: {reason}"}
            count = connection.execute(_LOSE_STREAM, values).rowcount
            journal(connection, self._actor, "let go", reason, f"stream={arn} shards={count}")
        return count

    def table(self, table: str, reason: str) -> int:
        """Let go of the open shards of a table that no bridge reads any more; return how many there were.

        Each becomes a gap. If a bridge reads the table again, it continues where reading stopped, as far as DynamoDB
        still has the records. Raises UsageError for a table that no bridge ever read, and while a bridge reads it.
        """
        with self._engine.begin() as connection:
            if not connection.scalar(_KNOWN_TABLE, {"table": table}):
                raise UsageError(f"no stream of a table {table!r} is known; see: notifier shards")
            if owners := list(connection.execute(_READERS, {"table": table}).scalars()):
                raise UsageError(
                    f"the table {table} is read by {', '.join(owners)}: take it out of NOTIFIER_TABLES there first"
                )
            values = {"table": table, "reason": f"the table was let go: {reason}"}
            count = connection.execute(_LOSE_TABLE, values).rowcount
            journal(connection, self._actor, "let go", reason, f"table={table} shards={count}")
        return count


def _why_not(connection: Connection, arn: str) -> str:
    if not connection.scalar(_KNOWN, {"arn": arn}):
        return f"no stream {arn} is known; see: notifier shards --json"
    return f"{arn} is the newest stream of its table: letting it go would lose all events of the table"
