"""An acceptance that is not written by its attempt's own `finish`: it comes from an event, or from a late answer.

It changes the delivery in any status, also if the database has no trace of the attempt: a failover or a restored
backup may have lost the commit that began it, and then a later attempt may have the same number. Only the provider's
message id says which message was accepted, so neither the attempt's number nor its token is compared. A later attempt
that is `sending` keeps its own outcome; the earlier acceptance is stored in `provider_message_id` meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Connection

from notifier.outbox.days import within
from notifier.outbox.digests import merging
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_LOCK = statement(__package__, "lock_without_acceptance.sql")
_ACCEPT = statement(__package__, "accept.sql")
_INSERT_DUPLICATES = statement(__package__, "insert_duplicates.sql")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The provider accepted a message of the notification `id`. `reason` says how that is known, for `notifier show`.

    `attempt` is the number that the event names; None for a late answer, whose attempt has already ended.
    `message_id` is None if the answer had none.
    """

    id: UUID
    message_id: str | None
    reason: str
    attempt: int | None = None


def accept(connection: Connection, acceptances: Sequence[Acceptance], actor: str) -> tuple[set[UUID], int]:
    """Any status that is not accepted yet → sent, in the caller's transaction.

    Return the ids that became `sent`, and the number of message ids that are new in `duplicates`: messages that were
    accepted in addition to the one that the delivery names.
    """
    latest = _latest(acceptances)
    ids = [each.id for each in latest]
    accepted: set[UUID] = set()
    if locked := list(connection.execute(within(_LOCK, ids), {"ids": ids}).scalars()):
        values = {
            "ids": ids,
            "attempts": [each.attempt for each in latest],
            "message_ids": [each.message_id for each in latest],
            "reasons": [each.reason for each in latest],
        }
        accepted = set(
            connection.execute(within(_ACCEPT, locked), {**values, "open": locked, "actor": actor}).scalars()
        )
    if accepted:
        merging.delete(connection, accepted)
    every = {"ids": [each.id for each in acceptances], "message_ids": [each.message_id for each in acceptances]}
    duplicates = connection.execute(within(_INSERT_DUPLICATES, ids), every).rowcount
    if duplicates:
        log.error("DUPLICATE: the provider accepted a notification twice", count=duplicates)
    return accepted, duplicates


def _latest(acceptances: Sequence[Acceptance]) -> list[Acceptance]:
    """One for each notification, in order of the ids: that of the highest attempt, which may still be `sending`."""
    latest: dict[UUID, Acceptance] = {}
    for each in acceptances:
        known = latest.get(each.id)
        if known is None or (each.attempt or 0) > (known.attempt or 0):
            latest[each.id] = each
    return sorted(latest.values(), key=lambda each: each.id)
