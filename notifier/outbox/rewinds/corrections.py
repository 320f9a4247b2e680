"""Records that are read again become notifications, leave quarantine, and move between the counters."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from notifier.notifications import created_ms, first_id
from notifier.outbox.days import within
from notifier.outbox.rewinds.pages import Rewind, RewindPage, RewindResult
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import NewNotification
from notifier.outbox.stream.recording import insert_publications

_RECORDED = statement(__package__, "recorded_numbers.sql")
_RELEASE = statement(__package__, "release_quarantined.sql")
_INSERT = statement(__package__, "insert_missing.sql")
_COUNT = statement(__package__, "correct_counters.sql")
_ADD_RESULTS = statement(__package__, "add_results.sql")


def correct(connection: Connection, rewind: Rewind, page: RewindPage) -> RewindResult:
    """Record the notifications of the page that do not exist yet, in the caller's transaction; the relay publishes
    them. A record that has a notification of another route keeps that one only.
    """
    recorded = _recorded(connection, rewind.shard, page.notifications)
    missing = [each for each in page.notifications if int(each.sequence_number) not in recorded]
    understood = [*page.unrouted, *(each.sequence_number for each in missing)]
    values = {"shard": rewind.shard, "numbers": understood}
    released = len(connection.execute(_RELEASE, values).all())
    made = _insert(connection, rewind, missing)
    if made or released:
        counts = {"routed": len(made), "released": released}
        connection.execute(_COUNT, {"shard": rewind.shard, **counts})
        connection.execute(_ADD_RESULTS, {"id": rewind.id, **counts})
    insert_publications(connection, made, to_relay={each.channel for each in made})
    return RewindResult(Counter(each.channel for each in made), released)


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


def _insert(connection: Connection, rewind: Rewind, made: Sequence[NewNotification]) -> list[NewNotification]:
    """Insert what does not exist yet, and return that."""
    if not made:
        return []
    values: dict[str, Any] = {
        "shard": rewind.shard,
        "table": rewind.table,
        "ids": [each.id for each in made],
        "numbers": [each.sequence_number for each in made],
        "routes": [each.route for each in made],
        "channels": [each.channel for each in made],
        "records": [each.record for each in made],
        "wanted": [each.wanted_updates or None for each in made],
    }
    fresh: set[UUID] = set(connection.execute(_INSERT, values).scalars())
    return [each for each in made if each.id in fresh]
