"""Writes a page of stream records to the outbox: its notifications, and the shard's checkpoint and counters, in one
transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, TextClause
from sqlalchemy.exc import IntegrityError

from notifier.outbox.history.partitions import Partitions
from notifier.outbox.statements import statement
from notifier.outbox.stream.binary_rows import delivery_rows, notification_rows, reported_delivery_rows
from notifier.outbox.stream.new_publications import insert_publications
from notifier.outbox.stream.page_statement import lease_lost, record_page, shard_values
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
_BEGIN = statement(__package__, "begin_page.sql")
_MOVE = statement(__package__, "move_checkpoint.sql")
_QUARANTINE = statement(__package__, "insert_quarantined.sql")
_QUARANTINE_NEW = statement(__package__, "insert_new_quarantined.sql")
_COPY_NOTIFICATIONS = statement(__package__, "copy_notifications.sql").text
_COPY_DELIVERIES = statement(__package__, "copy_deliveries.sql").text
_COPY_REPORTED = statement(__package__, "copy_reported_deliveries.sql").text
_INSERT_NEW = statement(__package__, "insert_new_notification.sql")

MOST_IN_ONE_STATEMENT = 250
"""Notifications of a page that is recorded by one statement. For more of them COPY writes less WAL and costs Postgres
less, and its further round trips count little: docs/performance.md.
"""

MOST_BYTES_IN_ONE_STATEMENT = 1_000_000
"""Bytes of the records of such a page: the process holds three copies of them while it writes the page. A page of
GetRecords has fewer, but each route that matches an item has a copy of it.
"""


class Recording:
    """Records pages of shards whose leases the bridge holds.

    recording = Recording(engine, Partitions(engine))
    page = Page("300", created, notifications, quarantined=[], unrouted=2)  # the records after 200, up to 300
    for publication in recording.record(lease, "200", page):
        ...  # publish publication.ids to publication.queue, then mark it as published
    """

    def __init__(self, engine: Engine, partitions: Partitions) -> None:
        self._engine = engine
        self._statements = engine.execution_options(isolation_level="AUTOCOMMIT")
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
        except (psycopg.IntegrityError, IntegrityError) as error:
            cause = error.orig if isinstance(error, IntegrityError) else error
            if isinstance(cause, psycopg.errors.CheckViolation):  # the partition of a day was dropped since `ensure`
                self._partitions.ensure(days, anew=True)
            return self._record_missing(lease, previous, page, to_relay)

    def _record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str]
    ) -> list[NewPublication]:
        if _is_small(page):
            with self._statements.connect() as connection:
                return record_page(connection, lease, previous, page, to_relay)
        with self._engine.begin() as connection:
            _run_held(connection, _BEGIN, lease, previous, page)
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


def _is_small(page: Page) -> bool:
    """Return whether one statement records the page."""
    return (
        not page.quarantined
        and len(page.notifications) <= MOST_IN_ONE_STATEMENT
        and sum(len(each.record) for each in page.notifications) <= MOST_BYTES_IN_ONE_STATEMENT
    )


def _run_held(
    connection: Connection, update: TextClause, lease: ShardLease, previous: str | None, page: Page
) -> None:
    """Lock or update the row of the shard, with `{lease_is_held}`. Raises LeaseLost if the lease is not held."""
    if connection.execute(update, shard_values(lease, previous, page)).rowcount != 1:
        raise lease_lost(lease)


def _copy(connection: Connection, lease: ShardLease, rows: Sequence[NewNotification]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  narrows the type
    if any(each.wanted_updates for each in rows):
        deliveries, values = _COPY_REPORTED, reported_delivery_rows(rows)
    else:
        deliveries, values = _COPY_DELIVERIES, delivery_rows(rows)
    with driver.cursor() as cursor:
        with cursor.copy(_COPY_NOTIFICATIONS) as copy:
            for piece in notification_rows(lease.shard, rows, driver.info.encoding):
                copy.write(piece)
        with cursor.copy(deliveries) as copy:
            copy.write(values)


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
