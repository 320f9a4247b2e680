"""Records that are read again become notifications, leave quarantine, and move between the counters."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from notifier.notifications import created_ms, first_id
from notifier.outbox.days import within
from notifier.outbox.rewinds.pages import Rewind, RewindPage, RewindResult
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import NewNotification
from notifier.outbox.stream.recording import insert_publications

_LOCK = statement(__package__, "lock_quarantined.sql")
_RECORDED = statement(__package__, "recorded_numbers.sql")
_RELEASE = statement(__package__, "release_quarantined.sql")
_INSERT = statement(__package__, "insert_missing.sql")
_COUNT = statement(__package__, "correct_counters.sql")
_ADD_RESULTS = statement(__package__, "add_results.sql")


class Corrected(NamedTuple):
    """What was recorded, and how many records left quarantine."""

    made: list[NewNotification]
    released: int


def correct(connection: Connection, rewind: Rewind, page: RewindPage) -> RewindResult:
    """Record the notifications of the page that do not exist yet, in the caller's transaction; the relay publishes
    them. A record that has a notification of another route keeps that one only.
    """
    done = correct_records(connection, rewind.shard, rewind.table, page.notifications, page.unrouted)
    if done.made or done.released:
        values = {"id": rewind.id, "routed": len(done.made), "released": done.released}
        connection.execute(_ADD_RESULTS, values)
    return RewindResult(Counter(each.channel for each in done.made), done.released)


def correct_records(
    connection: Connection, shard: int, table: str, notifications: Sequence[NewNotification], unrouted: Sequence[str]
) -> Corrected:
    """Record those of a shard's notifications that do not exist yet; they and the records with the sequence numbers
    `unrouted` leave quarantine. The counters of the shard move in the same transaction.
    """
    numbers = [*unrouted, *(each.sequence_number for each in notifications)]
    connection.execute(_LOCK, {"shard": shard, "numbers": numbers})
    recorded = _recorded(connection, shard, notifications)
    missing = [each for each in notifications if int(each.sequence_number) not in recorded]
    understood = [*unrouted, *(each.sequence_number for each in missing)]
    released = len(connection.execute(_RELEASE, {"shard": shard, "numbers": understood}).all())
    made = _insert(connection, shard, table, missing)
    if made or released:
        connection.execute(_COUNT, {"shard": shard, "routed": len(made), "released": released})
    insert_publications(connection, made, to_relay={each.channel for each in made})
    return Corrected(made, released)


def _recorded(connection: Connection, shard: int, made: Sequence[NewNotification]) -> set[int]:
    """The sequence numbers of the shard's notifications that were created in the same milliseconds as these."""
    moments = sorted({created_ms(each.id) for each in made})
    if not moments:
        return set()
    values = {
        "shard": shard,
        "firsts": [first_id(each) for each in moments],
        "lasts": [first_id(each + 1) for each in moments],
    }
    bounded = within(_RECORDED, [each.id for each in made])
    return {int(number) for number in connection.execute(bounded, values).scalars()}


def _insert(connection: Connection, shard: int, table: str, made: Sequence[NewNotification]) -> list[NewNotification]:
    """Insert what does not exist yet, and return that."""
    if not made:
        return []
    values: dict[str, Any] = {
        "shard": shard,
        "table": table,
        "ids": [each.id for each in made],
        "numbers": [each.sequence_number for each in made],
        "routes": [each.route for each in made],
        "channels": [each.channel for each in made],
        "records": [each.record for each in made],
        "wanted": [each.wanted_updates or None for each in made],
    }
    fresh: set[UUID] = set(connection.execute(_INSERT, values).scalars())
    return [each for each in made if each.id in fresh]
