"""Writes a page of stream records to the outbox: its notifications, and the shard's checkpoint and counters, in one
transaction.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine, TextClause
from sqlalchemy.exc import IntegrityError

from notifier.errors import LeaseLost
from notifier.lanes import Lane, parts_of
from notifier.outbox.delivery.changes import uuids
from notifier.outbox.history.partitions import Partitions
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import (
    MOST_DAYS,
    NewNotification,
    NewPublication,
    Page,
    Quarantined,
    ShardLease,
    days_of,
    first_notified,
)

_LOCK = statement(__package__, "lock_shard.sql")
_MOVE = statement(__package__, "move_checkpoint.sql")
_PUBLICATION = statement(__package__, "insert_publication.sql")
_QUARANTINE = statement(__package__, "insert_quarantined.sql")
_QUARANTINE_NEW = statement(__package__, "insert_new_quarantined.sql")
_COPY_NOTIFICATIONS = statement(__package__, "copy_notifications.sql").text
_COPY_DELIVERIES = statement(__package__, "copy_deliveries.sql").text
_COPY_REPORTED = statement(__package__, "copy_reported_deliveries.sql").text
_INSERT_NEW = statement(__package__, "insert_new_notification.sql")

PUBLICATION_SIZE = 250
"""Messages in one publication: few enough that a busy queue soon has room for all of them."""

GRACE_SECONDS = 10.0
"""Seconds that the bridge which recorded a page has to publish it, before the relay does."""


class Recording:
    """Records pages of shards whose leases the bridge holds.

    recording = Recording(engine, Partitions(engine))
    page = Page("300", created, notifications, quarantined=[], unrouted=2)  # the records after 200, up to 300
    for publication in recording.record(lease, "200", page):
        ...  # publish publication.ids to publication.queue, then mark it as published
    """

    def __init__(self, engine: Engine, partitions: Partitions) -> None:
        self._engine = engine
        self._partitions = partitions

    def record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str] = ()
    ) -> list[NewPublication]:
        """Write all rows of the page and the checkpoint after it; return the publications that the caller is to
        publish.

        `previous` is the checkpoint from which the page was read. Publications for the queues `to_relay` are due
        for the relay at once, and the caller must not publish them. Raises LeaseLost, and writes nothing, if the
        bridge does not hold the lease any more. A page of more than MOST_DAYS days is recorded in parts, each in a
        transaction of its own with its own checkpoint; then earlier parts stay.
        """
        days = days_of(page.notifications)
        if len(days) <= MOST_DAYS:  # nearly every page has one or two days
            return self._record_part(lease, previous, page, days, to_relay)
        recorded: list[NewPublication] = []
        for part in page.parts():
            recorded += self._record_part(lease, previous, part, days_of(part.notifications), to_relay)
            previous = part.checkpoint
        return recorded

    def _record_part(
        self, lease: ShardLease, previous: str | None, page: Page, days: Collection[date], to_relay: Collection[str]
    ) -> list[NewPublication]:
        self._partitions.ensure(days)
        try:
            return self._record(lease, previous, page, to_relay)
        except psycopg.errors.CheckViolation:  # the partition of a day was dropped since `ensure` created it
            self._partitions.ensure(days, anew=True)
            return self._record_missing(lease, previous, page, to_relay)
        except (psycopg.errors.UniqueViolation, IntegrityError):
            return self._record_missing(lease, previous, page, to_relay)

    def _record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[NewPublication]:
        with self._engine.begin() as connection:
            _run_held(connection, _MOVE, lease, previous, page)
            if page.notifications:
                _copy(connection, lease, page.notifications)
            if page.quarantined:
                connection.execute(_QUARANTINE, _quarantined(lease, page.quarantined))
            return insert_publications(connection, page.notifications, to_relay)

    def _record_missing(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[NewPublication]:
        """Record a page of which some records have notifications already: write, count and publish only what is new.

        The others were recorded when the shard was read before: since then its checkpoint was set back, or its row in
        `shards` was lost and inserted again. One statement for each record, so it is slow.
        """
        with self._engine.begin() as connection:
            _run_held(connection, _LOCK, lease, previous, page)
            made = [each for each in page.notifications if _insert(connection, lease, each)]
            new = replace(
                page,
                notifications=made,
                quarantined=_quarantine_new(connection, lease, page.quarantined),
                further=len(made) - len(first_notified(page.notifications, made)),
            )
            _run_held(connection, _MOVE, lease, previous, new)
            return insert_publications(connection, new.notifications, to_relay)


def _run_held(
    connection: Connection, update: TextClause, lease: ShardLease, previous: str | None, page: Page
) -> None:
    """Lock or update the row of the shard, with `{lease_is_held}`. Raises LeaseLost if the lease is not held."""
    changed = connection.execute(
        update,
        {
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
        },
    )
    if changed.rowcount != 1:
        raise LeaseLost(f"{lease.shard_id} is no longer held by {lease.owner} in epoch {lease.epoch}")


def _copy(connection: Connection, lease: ShardLease, rows: Sequence[NewNotification]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  narrows the type
    with driver.cursor() as cursor:
        with cursor.copy(_COPY_NOTIFICATIONS) as copy:
            copy.set_types(["uuid", "int4", "text", "text", "text", "text", "bytea"])
            for each in rows:
                copy.write_row(
                    (
                        each.id,
                        lease.shard,
                        each.sequence_number,
                        each.route,
                        each.channel,
                        each.table,
                        each.record,
                    )
                )
        if any(each.wanted_updates for each in rows):
            with cursor.copy(_COPY_REPORTED) as copy:
                copy.set_types(["uuid", "int4"])
                for each in rows:
                    copy.write_row((each.id, each.wanted_updates or None))
            return
        with cursor.copy(_COPY_DELIVERIES) as copy:
            copy.set_types(["uuid"])
            for each in rows:
                copy.write_row((each.id,))


def _insert(connection: Connection, lease: ShardLease, row: NewNotification) -> bool:
    values = {
        "id": row.id,
        "shard": lease.shard,
        "sequence_number": row.sequence_number,
        "route": row.route,
        "channel": row.channel,
        "table": row.table,
        "record": row.record,
        "wanted_updates": row.wanted_updates or None,
    }
    return connection.execute(_INSERT_NEW, values).first() is not None


def _quarantine_new(connection: Connection, lease: ShardLease, rows: Sequence[Quarantined]) -> list[Quarantined]:
    """Insert the rows that are not in quarantine yet, and return those."""
    if not rows:
        return []
    fresh = set(connection.execute(_QUARANTINE_NEW, _quarantined(lease, rows)).scalars())
    return [each for number, each in {each.sequence_number: each for each in rows}.items() if number in fresh]


def _quarantined(lease: ShardLease, rows: Sequence[Quarantined]) -> dict[str, Any]:
    return {
        "shard": lease.shard,
        "numbers": [each.sequence_number for each in rows],
        "records": [each.record for each in rows],
        "errors": [each.error for each in rows],
    }


def insert_publications(
    connection: Connection, fresh: Sequence[NewNotification], to_relay: Collection[str]
) -> list[NewPublication]:
    """Insert the publications of these notifications, in the caller's transaction.

    The relay publishes those of the queues `to_relay` at once, the others only after GRACE_SECONDS.
    """
    by_queue: dict[str, list[UUID]] = defaultdict(list)
    for each in fresh:
        by_queue[each.queue].append(each.id)
    return [
        each
        for queue, ids in by_queue.items()
        for each in insert_messages(connection, queue, ids, 0.0 if queue in to_relay else GRACE_SECONDS)
    ]


def insert_messages(
    connection: Connection, queue: str, ids: Sequence[UUID], grace: float = 0.0
) -> list[NewPublication]:
    """Insert publications of messages for one queue, in the caller's transaction. The relay publishes them after
    `grace` seconds.
    """
    channel, lane = parts_of(queue)
    values = {"channel": channel, "lane": None if lane is Lane.NORMAL else lane.value, "grace": grace}
    pages = [ids[start : start + PUBLICATION_SIZE] for start in range(0, len(ids), PUBLICATION_SIZE)]
    return [
        NewPublication(connection.execute(_PUBLICATION, {**values, "ids": uuids(some)}).scalar_one(), queue, some)
        for some in pages
    ]
