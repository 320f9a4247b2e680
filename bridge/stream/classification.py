"""What the records of a page become when their shard is read again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bridge.stream.decode import sequence_number
from bridge.stream.intake import judge
from notifier.outbox import Rewind, RewindPage, ShardLease
from notifier.routes import Routes


def lease_of(rewind: Rewind) -> ShardLease:
    """The rewind in place of the lease under which the shard was read first."""
    return ShardLease(
        rewind.shard, rewind.shard_id, rewind.stream_arn, rewind.table, rewind.owner, rewind.epoch, rewind.position
    )


def reread(rewind: Rewind, records: Sequence[dict[str, Any]], routes: Routes, not_before: datetime) -> RewindPage:
    """What the records of a page, up to the end of the rewind, become with these routes. Pure.

    Records before the position were read again already; those before `since` are passed over. A record without a
    sequence number cannot be understood, so it stays in quarantine.
    """
    lease = lease_of(rewind)
    place, until = -1 if rewind.position is None else int(rewind.position), int(rewind.until)
    position, examined = rewind.position, 0
    made, unrouted = [], []
    for record in records:
        number = sequence_number(record)
        if number is None or int(number) <= place:
            continue
        place = int(number)
        if place > until:
            position = rewind.until
            break
        position = rewind.until if place == until else number
        created_at, notification, error = judge(lease, record, routes, not_before)
        if created_at is None or error is not None or (rewind.since is not None and created_at < rewind.since):
            continue
        examined += 1
        if notification is None:
            unrouted.append(number)
        else:
            made.append(notification)
    return RewindPage(position, examined, made, unrouted)
