"""What the records of a page become: notifications, quarantined records, or unrouted ones. Pure.

`classify_page` is for a page that is read for the first time, `classify_rewound` for one that an operator's rewind
reads again. Both use `classify_record` for each record.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bridge.stream.decode import creation_time, decode, identity, sequence_number
from bridge.stream.page import read_each
from notifier.errors import DecodeError
from notifier.notifications import created_ms
from notifier.outbox import NewNotification, Page, Quarantined, Rewind, RewindPage, ShardLease
from notifier.outbox import records as wire
from notifier.outbox.rewinds.pages import MOST_SECONDS
from notifier.routes import Routes

Classified = tuple[datetime | None, Sequence[NewNotification], str | None]
"""What a record becomes: a notification for each route that claims it, quarantined where there is an error (the last
element), or unrouted where neither is. The first element is when the record was made, None where it does not say.
"""


def classify_record(
    lease: ShardLease, record: dict[str, Any], routes: Routes, not_before: datetime, raw: bytes | None = None
) -> Classified:
    """Return what the record becomes with these routes. `raw` is its JSON, None if it is to be written.

    A record of a table that no route here names is quarantined, not unrouted: a bridge that lacks the routes of a
    table (deployed too early, or not restarted) must not drop its events. Records before `not_before` are muted, and
    so unrouted, whatever the routes are.
    """
    table = lease.table
    try:
        event = decode(table, record)
        created_at = event.created_at
        if created_at < not_before:
            return created_at, (), None
        if not routes.has_table(table):
            return created_at, (), no_route(table)
        claims = routes.claims(event)
    except DecodeError as error:
        return creation_time(record), (), str(error)
    if not claims:
        return created_at, (), None
    if raw is None:
        raw = wire.write(record)
    made = []
    for route in claims:
        id_ = identity(lease, event, route.name)
        wanted = route.wanted_updates or 0
        if wanted and route.shadow_reason(created_ms(id_)):  # the older system tells the product
            wanted = 0
        made.append(
            NewNotification(id_, event.sequence_number, route.name, route.channel, table, raw, wanted, route.lane)
        )
    return created_at, made, None


def no_route(table: str) -> str:
    """Return why records of that table are quarantined, and what the operator should do."""
    return (
        f"no route for the table {table} is loaded in this bridge: deploy one, restart the bridges, "
        f"then run: notifier rewind --table {table} --reason WHY"
    )


def classify_page(
    lease: ShardLease,
    checkpoint: str | None,
    records: Iterable[dict[str, Any]],
    routes: Routes,
    not_before: datetime,
) -> Page:
    """Return what the records after `checkpoint` become, with the checkpoint after the page.

    A shard that is read again from its beginning returns records that are recorded already: those up to the
    checkpoint are skipped. Sequence numbers are kept as the text that came, and compared as numbers.
    """
    notifications: list[NewNotification] = []
    quarantined: list[Quarantined] = []
    unrouted = further = 0
    last: datetime | None = None
    place = -1 if checkpoint is None else int(checkpoint)
    before, unnumbered = checkpoint, 0
    for record, came in read_each(records):
        number = sequence_number(record)
        if number is None:
            unnumbered += 1
        else:
            before, unnumbered = number, 0
            if (found := int(number)) <= place:
                continue
            place, checkpoint = found, number
        created_at, made, error = classify_record(lease, record, routes, not_before, came)
        last = created_at or last
        if error is not None:
            raw = wire.write(record) if came is None or number is None else came
            quarantined.append(Quarantined(number or substitute_number(before, unnumbered, raw), raw, error))
        elif made:
            notifications += made
            further += len(made) - 1
        else:
            unrouted += 1
    return Page(checkpoint, last, notifications, quarantined, unrouted, further)


def substitute_number(after: str | None, count: int, raw: bytes) -> str:
    """Return what identifies a record without a sequence number: the number before it in the shard, how many records
    without one follow that number up to this one, and a hash of `raw`, which is what `wire.write` makes of it. The
    same page gives the same result, however it was read.
    """
    return f"after {after}: {count}: {hashlib.blake2b(raw, digest_size=8).hexdigest()}"


def classify_rewound(
    rewind: Rewind, records: Sequence[dict[str, Any]], routes: Routes, not_before: datetime
) -> RewindPage:
    """Return what the records of a page, up to the end of the rewind, become with the routes that are loaded now.

    Records up to the position were read again already, and those before `since` are skipped. A record that is still
    quarantined, or has no sequence number, stays in quarantine as it is. The page ends before a record whose
    notifications would be of one second more than MOST_SECONDS.
    """
    lease = lease_for(rewind)
    place, until = -1 if rewind.position is None else int(rewind.position), int(rewind.until)
    position, examined, more = rewind.position, 0, False
    made: list[NewNotification] = []
    unrouted = []
    seconds: set[int] = set()
    for record, came in read_each(records):
        number = sequence_number(record)
        if number is None or int(number) <= place:
            continue
        place = int(number)
        if place > until:
            position = rewind.until
            break
        created_at, notifications, error = classify_record(lease, record, routes, not_before, came)
        skipped = created_at is None or error is not None or (rewind.since is not None and created_at < rewind.since)
        if notifications and not skipped:
            seconds.add(created_ms(notifications[0].id))
            if len(seconds) > MOST_SECONDS:
                more = True
                break
        position = rewind.until if place == until else number
        if skipped:
            continue
        examined += 1
        if notifications:
            made += notifications
        else:
            unrouted.append(number)
    return RewindPage(position, examined, made, unrouted, routes.beside, more)


def lease_for(rewind: Rewind) -> ShardLease:
    """Return the rewind's claim on the shard in the form of a lease."""
    return ShardLease(
        rewind.shard, rewind.shard_id, rewind.stream_arn, rewind.table, rewind.owner, rewind.epoch, rewind.position
    )
