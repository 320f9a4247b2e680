"""Suspects: notifications that are built alone because a worker died while it had their message.

A row exists from the first lost message until the delivery is final. Its states:

    marked     begun_by is null: no process builds it; the next one that does builds it alone
    building   begun_by is the process that builds it, which prolongs `lease_until` while it runs

When the lease ends, the process that held it has died: the next one that begins the build adds one to `deaths`. Every
other end of a build (a result, a timeout, a stop) takes the row back to marked, and adds nothing to `deaths`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from notifier.database.arrays import uuids
from notifier.outbox.days import within
from notifier.outbox.statements import statement

_MARK = statement(__package__, "mark_suspects.sql")
_BEGIN = statement(__package__, "begin_build.sql")
_KEEP = statement(__package__, "keep_builds.sql")
_CLEAR = statement(__package__, "clear_suspects.sql")


@dataclass(frozen=True, slots=True)
class SuspectBuild:
    """A build that a process has begun: the deaths that are known, and whether it has `ended`."""

    id: UUID
    deaths: int
    ended: bool


class Suspects:
    """The rows of suspects. Every call may be repeated if its answer was lost: it changes nothing more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def mark(self, ids: Sequence[UUID]) -> None:
        """Build those of `ids` that are pending and due alone from now on: a worker died with their messages."""
        with self._engine.connect() as connection:
            connection.execute(within(_MARK, ids), {"ids": uuids(ids)})

    def begin(self, id_: UUID, process: UUID, lease_seconds: float) -> int | None:
        """Begin a build by `process`. Return how many processes have died of building it alone so far.

        None while another process builds it.
        """
        values = {"id": id_, "process": process, "lease": lease_seconds}
        with self._engine.connect() as connection:
            found = connection.execute(_BEGIN, values).scalar_one_or_none()
        return None if found is None else int(found)

    def keep(self, process: UUID, builds: Sequence[SuspectBuild], lease_seconds: float) -> None:
        """Prolong the leases of this process's builds, and set those that have ended back to `marked`."""
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
        """Delete the rows of those of `ids` whose delivery is final."""
        ids = list(ids)
        with self._engine.connect() as connection:
            connection.execute(within(_CLEAR, ids), {"ids": uuids(ids)})
