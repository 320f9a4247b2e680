"""What an operator asks for: that shards are read again. A bridge does it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from notifier.errors import UsageError
from notifier.outbox.operator.journal import journal

_ADVISORY_LOCK = 0x6E6F7469727764

# A stream keeps records for 24 hours. A shard of which every record is told needs no reading, and a lost one cannot
# be read: DynamoDB has it no more, or an operator let it go.
_CHOSEN = """
FROM shards s JOIN streams st ON st.id = s.stream_id CROSS JOIN LATERAL (
  SELECT count(*) AS records FROM quarantine WHERE shard = s.id AND replayed_at IS NULL
) q
WHERE (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
  AND s.state <> 'lost' AND s.checkpoint IS NOT NULL AND (s.records_unrouted > 0 OR q.records > 0)
  AND coalesce(s.last_record_at, s.finished_at, now()) > now() - make_interval(hours => 25)
  AND (CAST(:since AS timestamptz) IS NULL OR s.last_record_at IS NULL
       OR s.last_record_at >= date_trunc('second', CAST(:since AS timestamptz)))
"""

_PLAN = text(f"""
SELECT st.table_name AS "table", s.shard_id, s.state, s.checkpoint AS until, s.records_unrouted AS unrouted,
       q.records AS quarantined
{_CHOSEN} ORDER BY st.table_name, st.arn, s.shard_id
""")

_KNOWN = text("""
SELECT EXISTS (
  SELECT FROM shards s JOIN streams st ON st.id = s.stream_id
  WHERE (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
)
""")

_FUTURE = text("SELECT CAST(:since AS timestamptz) > now()")

# The new one does what is left of the old one, too: it begins where the earlier of the two does.
_REPLACE = text(f"""
UPDATE rewinds SET ended_at = now(), outcome = 'replaced'
WHERE ended_at IS NULL AND shard IN (SELECT s.id {_CHOSEN})
RETURNING shard, since
""")  # noqa: S608

_ASK = text(f"""
INSERT INTO rewinds (shard, since, until, actor, reason)
SELECT s.id,
       CASE WHEN old.shard IS NULL THEN CAST(:since AS timestamptz)
            WHEN old.since IS NOT NULL THEN CASE WHEN CAST(:since AS timestamptz) IS NOT NULL
                                                 THEN least(old.since, CAST(:since AS timestamptz)) END END,
       s.checkpoint, :actor, :reason
FROM (SELECT s.id, s.checkpoint {_CHOSEN}) s
LEFT JOIN unnest(CAST(:replaced AS int[]), CAST(:sinces AS timestamptz[])) AS old (shard, since) ON old.shard = s.id
RETURNING id
""")  # noqa: S608

_CANCEL = text("""
UPDATE rewinds SET ended_at = now(), outcome = 'cancelled'
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.id = rewinds.shard AND rewinds.ended_at IS NULL
  AND (:table = '' OR st.table_name = :table) AND (:shard = '' OR s.shard_id = :shard)
""")

_RECENT = text("""
SELECT r.id, st.table_name AS "table", s.shard_id, r.since, r.until, r.position, r.examined, r.routed, r.released,
       coalesce(r.outcome, CASE WHEN r.lease_until > now() THEN 'reading' ELSE 'waiting' END) AS state,
       r.error, r.asked_at, r.ended_at, r.actor, r.reason
FROM rewinds r JOIN shards s ON s.id = r.shard JOIN streams st ON st.id = s.stream_id
ORDER BY r.ended_at IS NOT NULL, r.id DESC LIMIT :limit
""")

_OPEN = text("SELECT count(*) FROM rewinds WHERE ended_at IS NULL AND id = ANY(CAST(:ids AS bigint[]))")


@dataclass(frozen=True, slots=True)
class RewindTarget:
    """Which shards, and from which time on; an empty name selects all, None all that the stream still has."""

    table: str = ""
    shard: str = ""
    since: datetime | None = None

    def __str__(self) -> str:
        """What the journal keeps."""
        given = {"table": self.table, "shard": self.shard, "to": self.since.isoformat() if self.since else "oldest"}
        return " ".join(f"{name}={value}" for name, value in given.items() if value)

    def values(self) -> dict[str, Any]:
        return {"table": self.table, "shard": self.shard, "since": self.since}


class RewindRequests:
    """Rewinds that an operator, called by name in the journal, asks for."""

    def __init__(self, engine: Engine, *, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def plan(self, target: RewindTarget) -> list[dict[str, Any]]:
        """The shards that would be read again, with their records that are unrouted or in quarantine: the most that
        can become notifications. Raises UsageError where no such shard is known, or the time is in the future.
        """
        with self._engine.connect() as connection:
            _check(connection, target)
            return [dict(row) for row in connection.execute(_PLAN, target.values()).mappings()]

    def ask(self, target: RewindTarget, reason: str) -> list[int]:
        """Have the shards read again up to where they are read now; returns the ids of the rewinds.

        A rewind of the same shard that has not ended is replaced. Raises UsageError as `plan` does.
        """
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _check(connection, target)
            replaced = connection.execute(_REPLACE, target.values()).all()
            values = {
                **target.values(),
                "replaced": [row.shard for row in replaced],
                "sinces": [row.since for row in replaced],
                "actor": self._actor,
                "reason": reason,
            }
            ids = list(connection.execute(_ASK, values).scalars())
            journal(connection, self._actor, "rewind", reason, f"{target} shards={len(ids)}")
        return ids

    def cancel(self, target: RewindTarget, reason: str) -> int:
        """End the rewinds of these shards where they stand; returns how many had not ended.

        Raises UsageError where no such shard is known.
        """
        with self._engine.begin() as connection:
            _check(connection, replace(target, since=None))
            count = connection.execute(_CANCEL, {"table": target.table, "shard": target.shard}).rowcount
            journal(connection, self._actor, "cancel rewind", reason, f"{target} shards={count}")
        return count

    def recent(self, limit: int = 50) -> list[Mapping[str, Any]]:
        """Those that have not ended, then those that have; the newest first."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(_RECENT, {"limit": limit}).mappings()]

    def open(self, ids: list[int]) -> int:
        """How many of these have not ended."""
        with self._engine.connect() as connection:
            return int(connection.execute(_OPEN, {"ids": ids}).scalar_one())


def _check(connection: Connection, target: RewindTarget) -> None:
    if not connection.scalar(_KNOWN, {"table": target.table, "shard": target.shard}):
        raise UsageError(f"no shard is known for {target}; see: notifier shards")
    if target.since is not None and connection.scalar(_FUTURE, {"since": target.since}):
        raise UsageError(f"--to {target.since.isoformat()} is in the future")
