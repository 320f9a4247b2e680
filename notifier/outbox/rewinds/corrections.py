"""Records that are read again become notifications, leave quarantine, and move between the counters."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from notifier.notifications import created_ms, first_id
from notifier.outbox.days import within
from notifier.outbox.rewinds.pages import MOST_SECONDS, Rewind, RewindPage, RewindResult
from notifier.outbox.statements import statement
from notifier.outbox.stream.new_publications import insert_publications
from notifier.outbox.stream.pages import NewNotification, first_notified

_LOCK = statement(__package__, "lock_quarantined.sql")
_RECORDED_IDS = statement(__package__, "recorded_ids.sql")
_RECORDED_NUMBERS = statement(__package__, "recorded_numbers.sql")
_RELEASE = statement(__package__, "release_quarantined.sql")
_INSERT = statement(__package__, "insert_missing.sql")
_COUNT = statement(__package__, "correct_counters.sql")
_ADD_RESULTS = statement(__package__, "add_results.sql")


class Corrected(NamedTuple):
    """What was recorded, how many of the records had no notification before, and how many left quarantine."""

    made: list[NewNotification]
    first: int
    released: int

    @property
    def records(self) -> int:
        """Of how many records notifications were made."""
        return len({each.sequence_number for each in self.made})


def correct(connection: Connection, rewind: Rewind, page: RewindPage) -> RewindResult:
    """Record the notifications of the page that do not exist yet, in the caller's transaction; the relay publishes
    them. A record that has a notification of another route keeps that one only, except for those of the routes beside
    the owner.
    """
    done = correct_records(connection, rewind.shard, rewind.table, page.notifications, page.unrouted, page.beside)
    if done.made or done.released:
        values = {"id": rewind.id, "routed": done.records, "released": done.released}
        connection.execute(_ADD_RESULTS, values)
    return RewindResult(Counter(each.queue for each in done.made), done.records, done.released)


def correct_records(
    connection: Connection,
    shard: int,
    table: str,
    notifications: Sequence[NewNotification],
    unrouted: Sequence[str],
    beside: Collection[str] = (),
) -> Corrected:
    """Record those of a shard's notifications that are missing; their records, and those with the sequence numbers
    `unrouted`, leave quarantine. The counters of the shard move in the same transaction.

    `beside` are the names of the routes that claim events beside their owner.
    """
    numbers = [*unrouted, *(each.sequence_number for each in notifications)]
    connection.execute(_LOCK, {"shard": shard, "numbers": numbers})
    recorded = _recorded(connection, shard, notifications)
    missing = [each for each in notifications if is_missing(each, recorded[int(each.sequence_number)], beside)]
    unnotified = [each.sequence_number for each in missing if not recorded[int(each.sequence_number)]]
    released = len(connection.execute(_RELEASE, {"shard": shard, "numbers": [*unrouted, *unnotified]}).all())
    made = _insert(connection, shard, table, missing)
    first = len(first_notified(missing, made).intersection(unnotified))
    if made or released:
        values = {"shard": shard, "routed": first, "released": released, "further": len(made) - first}
        connection.execute(_COUNT, values)
    insert_publications(connection, made, to_relay={each.queue for each in made})
    return Corrected(made, first, released)


def is_missing(wanted: NewNotification, recorded: Collection[str], beside: Collection[str]) -> bool:
    """Return whether a notification that a route makes of a record is to be made, where the record has notifications
    of the routes `recorded`. Pure.

    One that the owner makes is not, if the record has one of any route that is not in `beside`: another route owned
    it, and a change of the routes must not send a second message.
    """
    if wanted.route in recorded:
        return False
    return wanted.route in beside or all(each in beside for each in recorded)


def _recorded(connection: Connection, shard: int, made: Sequence[NewNotification]) -> Mapping[int, set[str]]:
    """Return the routes of the notifications of these records, by sequence number; an empty set for other numbers.

    Where all of these notifications of a record exist, they are found by their ids, and no other ones of it are
    looked up. Otherwise routes of which only earlier code knew may have made some, which are found by the time of
    its creation. DynamoDB gives that in seconds, and no index has the shard, so all notifications of that second
    are read, those of other shards too. Each statement reads at most MOST_SECONDS: for a page of a shard with few
    records a second, beside busy ones, one statement could exceed the statement_timeout.
    """
    found: defaultdict[int, set[str]] = defaultdict(set)
    if not made:
        return found
    ids = [each.id for each in made]
    existing = set(connection.execute(within(_RECORDED_IDS, ids), {"ids": ids}).scalars())
    for each in made:
        if each.id in existing:
            found[int(each.sequence_number)].add(each.route)
    moments = sorted({created_ms(each.id) for each in made if each.id not in existing})
    for start in range(0, len(moments), MOST_SECONDS):
        some = moments[start : start + MOST_SECONDS]
        firsts = [first_id(each) for each in some]
        values = {"shard": shard, "firsts": firsts, "lasts": [first_id(each + 1) for each in some]}
        for number, route in connection.execute(within(_RECORDED_NUMBERS, firsts), values):
            found[int(number)].add(route)
    return found


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
