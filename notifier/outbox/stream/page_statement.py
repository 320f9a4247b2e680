"""Records a page by one statement, which is also its transaction: one round trip and one commit."""

from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.errors import LeaseLost
from notifier.outbox.delivery.changes import array, text_array
from notifier.outbox.statements import statement
from notifier.outbox.stream.new_publications import by_queue, in_publications, publication_values
from notifier.outbox.stream.pages import NewNotification, NewPublication, Page, ShardLease

_RECORD = statement(__package__, "record_page.sql")
_MOVE = statement(__package__, "move_checkpoint.sql")


def record_page(
    connection: Connection, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str] = ()
) -> list[NewPublication]:
    """Write the notifications of the page, with their deliveries and publications, and the checkpoint after it.

    Return the publications: the relay publishes those of the queues `to_relay` at once, the others only after
    GRACE_SECONDS. `connection` commits each statement. The page has no quarantined records. Raise LeaseLost, with
    nothing written, if the lease is not held.
    """
    values = shard_values(lease, previous, page)
    if not page.notifications:
        if connection.execute(_MOVE, values).rowcount != 1:
            raise lease_lost(lease)
        return []
    queues = by_queue(page.notifications)
    parts = [(queue, part) for queue, some in queues.items() for part in in_publications(some)]
    rows = page.notifications if len(queues) == 1 else [each for some in queues.values() for each in some]
    written = connection.execute(
        _RECORD, {**values, **_notification_values(rows), **publication_values(parts, to_relay)}
    ).all()
    if not written:
        raise lease_lost(lease)
    publications = {first: publication for publication, first in written}
    return [NewPublication(publications[some[0].id], queue, [each.id for each in some]) for queue, some in parts]


def shard_values(lease: ShardLease, previous: str | None, page: Page) -> dict[str, Any]:
    """Return the parameters of move_checkpoint.sql, which has those of lease_is_held.sql."""
    return {
        "checkpoint": page.checkpoint,
        "last_record_at": page.last_record_at,
        "read": page.read,
        "notified": page.notified,
        "further": page.further,
        "unrouted": page.unrouted,
        "quarantined": len(page.quarantined),
        "shard": lease.shard,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "previous": previous,
    }


def lease_lost(lease: ShardLease) -> LeaseLost:
    """Return the error for a lease that is not held any more."""
    return LeaseLost(f"{lease.shard_id} is no longer held by {lease.owner} in epoch {lease.epoch}")


def _notification_values(rows: Sequence[NewNotification]) -> dict[str, Any]:
    lengths = [len(each.record) for each in rows]
    return {
        "ids": uuids(each.id for each in rows),
        "numbers": text_array(each.sequence_number for each in rows),
        "routes": text_array(each.route for each in rows),
        "channels": text_array(each.channel for each in rows),
        "tables": text_array(each.table for each in rows),
        "starts": array(list(map(str, accumulate(lengths[:-1], initial=1)))),
        "lengths": array(list(map(str, lengths))),
        "records": b"".join(each.record for each in rows),
        "wanted_updates": array([str(each.wanted_updates) for each in rows]),
    }
