"""Notifications that are built alone because a worker died with them, and how many more deaths each has cost.

A row is there from the first loss of a message until the delivery is final. Its states:

    marked     begun_by IS NULL: nobody builds it now; whoever does it next builds it alone
    building   begun_by names the process that does; it prolongs `lease_until` while it runs

The end of a lease is the death of the process that held it: whoever begins next adds it to `deaths`. All else that
ends a build (an answer, a timeout, a stop) takes the row back to marked; only the death of the process that built
adds to `deaths`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, text

from notifier.outbox.days import within
from notifier.outbox.delivery.attempts import DUE
from notifier.outbox.delivery.changes import uuids

# Ids in order: two workers that mark the same ones do not wait for each other in a circle.
_MARK = text(f"""
INSERT INTO suspects (notification_id)
SELECT d.notification_id FROM deliveries d
WHERE d.notification_id = ANY(CAST(:ids AS uuid[])) AND in_days(d.notification_id) AND {DUE}
ORDER BY d.notification_id
ON CONFLICT (notification_id) DO NOTHING
""")  # noqa: S608  a constant

_BEGIN = text("""
INSERT INTO suspects AS s (notification_id, begun_by, lease_until)
VALUES (:id, :process, now() + make_interval(secs => :lease))
ON CONFLICT (notification_id) DO UPDATE SET
  deaths = s.deaths + (s.begun_by IS NOT NULL AND s.begun_by <> :process)::int,
  begun_by = excluded.begun_by, lease_until = excluded.lease_until, begun_at = now()
WHERE s.begun_by IS NULL OR s.begun_by = :process OR s.lease_until <= now()
RETURNING s.deaths
""")

_KEEP = text("""
WITH told AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:deaths AS int[]), CAST(:ended AS bool[]))
    AS told (id, deaths, ended)
), ours AS (
  SELECT s.notification_id FROM suspects s
  WHERE s.notification_id = ANY(CAST(:ids AS uuid[])) AND s.begun_by = :process
  ORDER BY s.notification_id FOR UPDATE
)
UPDATE suspects s SET
  deaths = greatest(s.deaths, told.deaths),
  begun_by = CASE WHEN NOT told.ended THEN s.begun_by END,
  lease_until = CASE WHEN NOT told.ended THEN now() + make_interval(secs => :lease) END
FROM ours JOIN told ON told.id = ours.notification_id
WHERE s.notification_id = ours.notification_id
""")

# What another worker ended, or the operator, nobody else would delete.
_CLEAR = text("""
DELETE FROM suspects WHERE notification_id IN (
  SELECT s.notification_id FROM suspects s
  WHERE s.notification_id = ANY(CAST(:ids AS uuid[])) AND NOT EXISTS (
      SELECT FROM deliveries d
      WHERE d.notification_id = s.notification_id AND in_days(d.notification_id)
        AND d.status IN ('pending', 'sending', 'unknown'))
    OR s.begun_at < now() - interval '7 days'
  ORDER BY s.notification_id FOR UPDATE
)
""")


@dataclass(frozen=True, slots=True)
class SuspectBuild:
    """A build that a process has begun: how many deaths are known of, and whether it has `ended`."""

    id: UUID
    deaths: int
    ended: bool


class Suspects:
    """One statement each, idempotent for its process: where the answer was lost, the same call changes no more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def mark(self, ids: Sequence[UUID]) -> None:
        """A worker was lost with the messages of these: what is pending and due is built alone from now on."""
        with self._engine.connect() as connection:
            connection.execute(within(_MARK, ids), {"ids": uuids(ids)})

    def begin(self, id_: UUID, process: UUID, lease_seconds: float) -> int | None:
        """The process is going to build it. Return how many deaths its builds alone have cost so far; None where
        another process is at it.
        """
        values = {"id": id_, "process": process, "lease": lease_seconds}
        with self._engine.connect() as connection:
            found = connection.execute(_BEGIN, values).scalar_one_or_none()
        return None if found is None else int(found)

    def keep(self, process: UUID, builds: Sequence[SuspectBuild], lease_seconds: float) -> None:
        """Prolong the leases of this process's builds, and take those that have ended back to marked."""
        values = {
            "ids": uuids(each.id for each in builds),
            "deaths": [each.deaths for each in builds],
            "ended": [each.ended for each in builds],
            "process": process,
            "lease": lease_seconds,
        }
        with self._engine.connect() as connection:
            connection.execute(_KEEP, values)

    def clear(self, ids: Iterable[UUID]) -> None:
        """Forget those of these whose delivery is final."""
        ids = list(ids)
        with self._engine.connect() as connection:
            connection.execute(within(_CLEAR, ids), {"ids": uuids(ids)})
