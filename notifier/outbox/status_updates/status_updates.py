"""Status updates that wait: they get destinations, are claimed, and go once a destination has accepted them.

The statements that change a delivery write them (`{insert_update ...}`), in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.database.arrays import uuids
from notifier.outbox import records as wire
from notifier.outbox.days import within
from notifier.outbox.statements import statement
from notifier.outbox.status_updates.backlog import DestinationBacklog, update_backlog
from notifier.status_updates import StatusUpdate

_ASSIGN = statement(__package__, "assign.sql")
_CLAIM = statement(__package__, "claim.sql")
_ORIGINS = statement(__package__, "read_origins.sql")
_RECIPIENTS = statement(__package__, "read_recipients.sql")
_ACCEPT = statement(__package__, "accept.sql")
_FAIL = statement(__package__, "fail.sql")
_NOTE_FAILURE = statement(__package__, "note_failure.sql")

_ASSIGNED = 1_000
"""Updates that one call of `assign` takes, at most."""


@dataclass(frozen=True, slots=True)
class ClaimedUpdate:
    """An update that this process may send until its claim ends. `failures`: how often that failed before."""

    update: StatusUpdate
    failures: int = 0


@dataclass(frozen=True, slots=True)
class FailedUpdate:
    """An update that its destination did not accept: why, and the seconds until it is due again."""

    update: StatusUpdate
    error: str
    seconds: float


class StatusUpdates:
    """The updates that wait, for any number of processes that send them.

        updates = StatusUpdates(engine)
        updates.assign(["arn:aws:sqs:eu-west-1:1:updates"])
        claimed = updates.claim("arn:aws:sqs:eu-west-1:1:updates", limit=10, lease_seconds=60.0)
        ...  # send them
        updates.accepted("arn:aws:sqs:eu-west-1:1:updates", [each.update for each in claimed])

    A process that dies in between leaves its claims, which end after `lease_seconds`: then another sends the same
    updates again. With `personal` the updates have their recipients.
    """

    def __init__(self, engine: Engine, *, personal: bool = False) -> None:
        self._engine = engine
        self._personal = personal

    def assign(self, destinations: Sequence[str]) -> bool:
        """Give updates that have no destination these ones, up to 1,000. True if there may be more."""
        values = {"destinations": list(destinations), "limit": _ASSIGNED}
        with self._engine.begin() as connection:
            return int(connection.execute(_ASSIGN, values).scalar_one()) == _ASSIGNED

    def claim(self, destination: str, limit: int, lease_seconds: float) -> list[ClaimedUpdate]:
        """Claim updates that are due; of each notification only the first that waits. Return them."""
        values = {"destination": destination, "limit": limit, "lease": lease_seconds}
        with self._engine.begin() as connection:
            rows = connection.execute(_CLAIM, values).all()
            ids = [row.notification_id for row in rows]
            origins = {row.notification_id: row for row in _read(connection, _ORIGINS, ids)}
            named = _read(connection, _RECIPIENTS, ids) if self._personal else ()
            recipients = {row.notification_id: row.recipient for row in named}
        return [
            ClaimedUpdate(
                _update(row, origins[row.notification_id], recipients.get(row.notification_id)), row.failures
            )
            for row in rows
            if row.notification_id in origins
        ]

    def accepted(self, destination: str, updates: Sequence[StatusUpdate]) -> int:
        """Delete what the destination has accepted. Return how many: others may have sent some, too."""
        with self._engine.begin() as connection:
            values = {"destination": destination, **_keys(updates)}
            return int(connection.execute(_ACCEPT, values).scalar_one())

    def failed(self, destination: str, failed: Sequence[FailedUpdate]) -> None:
        """Keep what the destination did not accept: it is due again later."""
        ordered = sorted(failed, key=lambda each: (each.update.notification_id, each.update.number))
        values = {
            "destination": destination,
            **_keys([each.update for each in ordered]),
            "seconds": [each.seconds for each in ordered],
            "errors": [each.error for each in ordered],
        }
        with self._engine.begin() as connection:
            connection.execute(_FAIL, values)

    def note_failure(self, destination: str, error: str) -> None:
        """Store why the destination accepts nothing, until it accepts an update."""
        with self._engine.begin() as connection:
            connection.execute(_NOTE_FAILURE, {"destination": destination, "error": error})

    def backlog(self) -> list[DestinationBacklog]:
        """Return what waits for each destination."""
        with self._engine.connect() as connection:
            return update_backlog(connection)


def _read(connection: Connection, query: Any, ids: Sequence[UUID]) -> Sequence[Any]:
    return connection.execute(within(query, ids), {"ids": uuids(ids)}).all() if ids else ()


def _keys(updates: Sequence[StatusUpdate]) -> dict[str, Any]:
    return {"ids": [each.notification_id for each in updates], "numbers": [each.number for each in updates]}


def _update(row: Any, origin: Any, recipient: str | None) -> StatusUpdate:
    keys, event = _item(bytes(origin.record))
    return StatusUpdate(
        row.notification_id,
        row.number,
        row.status,
        origin.table_name,
        keys,
        event,
        origin.route,
        origin.channel,
        row.attempt,
        row.at,
        row.reason,
        recipient,
    )


def _item(record: bytes) -> tuple[dict[str, Any], str]:
    """Return the keys of the item and the kind of its change; empty if the record is none of DynamoDB Streams."""
    try:
        read = wire.parse(record)
        return dict(read["dynamodb"]["Keys"]), str(read.get("eventName", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}, ""
