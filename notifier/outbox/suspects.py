"""Notifications that are built alone because a worker died with them: how often that killed its process.

A row is there from before such a build until what became of it is written. Few are, and only after a death.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Engine, text

from notifier.outbox.changes import uuids

_BEGIN = text("""
INSERT INTO suspects (notification_id) VALUES (:id)
ON CONFLICT (notification_id) DO UPDATE SET builds = suspects.builds + 1, begun_at = now()
RETURNING builds
""")

# What another worker ended, or the operator, nobody else would delete.
_CLEAR = text("""
DELETE FROM suspects
WHERE notification_id = ANY(CAST(:ids AS uuid[])) OR begun_at < now() - interval '7 days'
""")


class Suspects:
    """One statement each, idempotent but for the count: an answer that is lost counts a build too many."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def begin(self, id_: UUID) -> int:
        """A build begins; answers how many began before it whose end nobody wrote."""
        with self._engine.connect() as connection:
            return int(connection.execute(_BEGIN, {"id": id_}).scalar_one()) - 1

    def clear(self, ids: Iterable[UUID]) -> None:
        """What became of these is written."""
        with self._engine.connect() as connection:
            connection.execute(_CLEAR, {"ids": uuids(ids)})
