"""Gives up streams that are not to be read any more. What was not read of them is a gap, kept like any other."""

from sqlalchemy import Connection, Engine, text

from notifier.errors import UsageError
from notifier.outbox.operator.journal import journal

# Only a stream that a newer one of its table has replaced: of the newest one all events would be lost.
_MARK = text("""
UPDATE streams SET let_go_at = coalesce(let_go_at, now())
WHERE arn = :arn AND EXISTS (
  SELECT FROM streams newer
  WHERE newer.arn > streams.arn COLLATE "C"
    AND split_part(newer.arn, '/stream/', 1) = split_part(streams.arn, '/stream/', 1)
)
RETURNING id
""")

_KNOWN = text("SELECT EXISTS (SELECT FROM streams WHERE arn = :arn)")

# The epoch moves: whoever holds such a shard can record nothing more of it.
_LOSE = """
WITH lost AS (
  UPDATE shards SET state = 'lost', finished_at = now(), owner = NULL, lease_until = NULL, epoch = epoch + 1
  WHERE state = 'open' AND stream_id IN (SELECT id FROM streams WHERE {streams})
  RETURNING id, checkpoint, last_record_at
)
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT id, :reason, checkpoint, last_record_at FROM lost
"""

_LOSE_STREAM = text(_LOSE.format(streams="arn = :arn"))
_LOSE_TABLE = text(_LOSE.format(streams="table_name = :table"))

_KNOWN_TABLE = text("SELECT EXISTS (SELECT FROM streams WHERE table_name = :table)")

_READERS = text("""
SELECT DISTINCT s.owner FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE st.table_name = :table AND s.state = 'open' AND s.lease_until > now() ORDER BY s.owner
""")


class LettingGo:
    """What an operator, called by name in the journal, gives up."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def stream(self, arn: str, reason: str) -> int:
        """Give up an old stream of a table, for good: a newer one that waited for it is read from now on.

        Returns how many shards were not read to their end; each is a gap. Raises UsageError for a stream that is not
        known, or that no newer one has replaced.
        """
        with self._engine.begin() as connection:
            if connection.execute(_MARK, {"arn": arn}).first() is None:
                raise UsageError(_why_not(connection, arn))
            told = f"the stream was let go: {reason}"
            count = connection.execute(_LOSE_STREAM, {"arn": arn, "reason": told}).rowcount
            journal(connection, self._actor, "let go", reason, f"stream={arn} shards={count}")
        return count

    def table(self, table: str, reason: str) -> int:
        """Give up what is unread of a table that no bridge reads any more; returns the number of shards.

        Each is a gap. Should a bridge read the table again, it goes on where reading stopped, as far as DynamoDB
        still has it. Raises UsageError for a table that no bridge ever read, and while one reads it.
        """
        with self._engine.begin() as connection:
            if not connection.scalar(_KNOWN_TABLE, {"table": table}):
                raise UsageError(f"no stream of a table {table!r} is known; see: notifier shards")
            if owners := list(connection.execute(_READERS, {"table": table}).scalars()):
                raise UsageError(
                    f"the table {table} is read by {', '.join(owners)}: take it out of NOTIFIER_TABLES there first"
                )
            told = f"the table was let go: {reason}"
            count = connection.execute(_LOSE_TABLE, {"table": table, "reason": told}).rowcount
            journal(connection, self._actor, "let go", reason, f"table={table} shards={count}")
        return count


def _why_not(connection: Connection, arn: str) -> str:
    if not connection.scalar(_KNOWN, {"arn": arn}):
        return f"no stream {arn} is known; see: notifier shards --json"
    return f"{arn} is the newest stream of its table: letting it go would lose all events of the table"
