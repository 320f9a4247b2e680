"""What becomes of the members of leaders whose wait ends, in the transaction that ends it.

First `lock`, then the statement for the leaders, then `merge`. Collecting and merging both lock the row of the
digest first, then deliveries in the order of their ids. So an event that comes meanwhile is either among those
that the function was given, or it leads another digest.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.notifications import Status
from notifier.outbox.days import within
from notifier.outbox.digests.digests import closed, collected
from notifier.outbox.statements import statement

Given = Mapping[UUID, Sequence[UUID]]
"""The members of each leader whose events the route's function was given."""

_LOCK_DIGESTS = statement(__package__, "lock_digests.sql")
_LOCK_MEMBERS = statement(__package__, "lock_members.sql")
_MERGE = statement(
    __package__, "merge.sql", recipient="recipient = lead.recipient, further_recipients = lead.further_recipients,"
)
_FOLLOW_LEADERS = statement(__package__, "follow_leaders.sql")
_MERGE_CANCELLED = statement(__package__, "merge.sql", recipient="")
_LOCK_FREE = statement(__package__, "lock_free_members.sql", statuses="'pending'")
_LOCK_RELEASABLE = statement(__package__, "lock_free_members.sql", statuses="'pending', 'merged'")
_DELETE_DIGESTS = statement(__package__, "delete_digests.sql")
_CLOSE_LEADERS = statement(__package__, "close_leaders.sql")
_CLOSE_DIGESTS = statement(__package__, "close_digests.sql")
_RELEASE = statement(__package__, "release.sql")
_RELEASE_MERGED = statement(__package__, "release_merged.sql")
_READ_MERGED = statement(__package__, "read_merged.sql")
_GIVE_BACK = statement(__package__, "give_back.sql")


@dataclass(frozen=True, slots=True)
class Locked:
    """Leaders and members that are locked. `refused`: leaders one of whose members is not pending any more. `joined`:
    their members, also those that the function was not given.
    """

    refused: frozenset[UUID]
    joined: Mapping[UUID, Sequence[UUID]]


def lock(connection: Connection, ids: Collection[UUID], given: Given, channel: str) -> Locked:
    """Lock the deliveries `ids` and the members of the leaders among them. The refused leaders are due again."""
    leaders = {"leaders": uuids(given)}
    joined = {row.leader: row.members for row in connection.execute(_LOCK_DIGESTS, leaders)}
    if filled := [id_ for id_ in given if id_ not in joined]:  # maybe closed while the message was built
        joined |= {leader: members for leader, members, _ in collected(connection, filled)}
    every = sorted({*ids, *(id_ for members in (*given.values(), *joined.values()) for id_ in members)})
    rows = connection.execute(within(_LOCK_MEMBERS, every), {"ids": uuids(every)})
    states = {id_: (leader, status, may_be_sent) for id_, leader, status, may_be_sent in rows}
    refused = [
        leader for leader, members in given.items() if not all(_may_merge(states.get(id_), leader) for id_ in members)
    ]
    if refused:
        connection.execute(within(_GIVE_BACK, refused), {"ids": uuids(refused), "channel": channel})
    waiting = {leader: [id_ for id_ in some if _waits(states.get(id_), leader)] for leader, some in joined.items()}
    return Locked(frozenset(refused), waiting)


def merge(
    connection: Connection, locked: Locked, given: Given, ended: Collection[UUID], channel: str, worker: str
) -> set[UUID]:
    """Pending → merged for the members that were given of the leaders that `ended` their wait. Return what changed.

    Those that are merged already get the recipients of this attempt. What joined meanwhile is due at once, and is
    collected anew.
    """
    leaders = {id_: given[id_] for id_ in ended if id_ in given}
    if not leaders:
        return set()
    merged: set[UUID] = set()
    pairs = sorted((id_, leader) for leader, members in leaders.items() for id_ in members)
    if pairs:
        ids = [id_ for id_, _ in pairs]
        values = {"ids": uuids(ids), "leaders": uuids(leader for _, leader in pairs), "worker": worker}
        merged.update(connection.execute(within(_MERGE, [*ids, *leaders]), values).scalars())
        if len(merged) < len(ids):  # this attempt is not the first one of its leader
            connection.execute(within(_FOLLOW_LEADERS, [*ids, *leaders]), values)
    connection.execute(within(_CLOSE_LEADERS, leaders), closed(leaders.items()))
    release(connection, sorted(_left(locked, leaders)), channel)
    connection.execute(_CLOSE_DIGESTS, {"leaders": uuids(leaders), "expired": False})
    return merged


def leave(
    connection: Connection, locked: Locked, given: Given, expired: Collection[UUID], channel: str, worker: str
) -> None:
    """Pending → pending for the members of leaders that have expired: they are younger, and are collected again.

    Merged → pending if an attempt was made before, and none may have been accepted; else they stay merged.
    """
    if expired:
        members = {
            leader: sorted({*given.get(leader, ()), *locked.joined.get(leader, ())}) for leader in sorted(expired)
        }
        _release_members(connection, members, channel, worker, "its leader expired after an attempt")
        _close(connection, members)
        connection.execute(_CLOSE_DIGESTS, {"leaders": uuids(expired), "expired": True})


def merge_cancelled(connection: Connection, ids: Sequence[UUID], actor: str) -> None:
    """Pending → merged for the members of leaders that an operator has just cancelled, in the same transaction.

    Members that another process has locked are collected anew when they are due, and so is what joins meanwhile.

    Not one statement: those that write members are bounded by their days, which the read of the leaders tells.
    """
    _merge_free(connection, ids, actor)
    delete(connection, ids)


def release_cancelled(
    connection: Connection, channels: Mapping[UUID, str], kept: Collection[UUID], actor: str
) -> None:
    """Let the members of leaders be collected anew that were cancelled, in the same transaction, to erase a person.

    They are events of others. `channels` are the leaders with their channels; members in `kept` are the person's own.
    Pending → pending; merged → pending if no attempt of the leader may have been accepted, else they stay merged.
    Members that another process has locked are left as they are, so that no deadlock is possible.
    """
    found = collected(connection, list(channels))
    leader_of = {id_: leader for leader, members, _ in found for id_ in members if id_ not in kept}
    if leader_of:
        rows = connection.execute(within(_LOCK_RELEASABLE, leader_of), {"ids": uuids(leader_of)})
        free = {row.notification_id for row in rows if row.leader == leader_of[row.notification_id]}
        for channel in sorted(set(channels.values())):
            members = {
                leader: [id_ for id_ in some if id_ in free]
                for leader, some, _ in found
                if channels[leader] == channel
            }
            _release_members(connection, members, channel, actor, "its leader was cancelled to erase a person")
        _close(connection, {leader: members for leader, members, _ in found if members})
    delete(connection, list(channels))


def delete(connection: Connection, leaders: Collection[UUID]) -> None:
    """Collect nothing for these leaders any more: they have ended otherwise than by an attempt of a worker. The next
    event of their key leads a digest of its own. Those that lead none, as nearly all deliveries, are ignored.
    """
    connection.execute(_DELETE_DIGESTS, {"leaders": uuids(leaders)})


def _merge_free(connection: Connection, ids: Sequence[UUID], actor: str) -> None:
    found = collected(connection, ids)
    leader_of = {id_: leader for leader, members, _ in found for id_ in members}
    if not leader_of:
        return
    free = dict.fromkeys(connection.execute(within(_LOCK_FREE, leader_of), {"ids": uuids(leader_of)}).scalars())
    if free:
        values = {"ids": uuids(free), "leaders": uuids(leader_of[id_] for id_ in free), "worker": actor}
        connection.execute(within(_MERGE_CANCELLED, [*free, *ids]), values)
    _close(connection, {leader: members for leader, members, _ in found if members})


def release(connection: Connection, ids: Sequence[UUID], channel: str) -> None:
    """Pending → pending: these are due at once, and are collected again."""
    if ids:
        connection.execute(within(_RELEASE, ids), {"ids": uuids(ids), "channel": channel})


def _release_members(connection: Connection, members: Given, channel: str, worker: str, reason: str) -> None:
    """Pending → pending for the members of leaders that have ended; and merged → pending, for this `reason`, for
    those that are merged with leaders of which no attempt may have been accepted.
    """
    if pairs := sorted((id_, leader) for leader, some in members.items() for id_ in some):
        ids, leaders = [id_ for id_, _ in pairs], [leader for _, leader in pairs]
        release(connection, ids, channel)
        values = {
            "ids": uuids(ids),
            "leaders": uuids(leaders),
            "channel": channel,
            "worker": worker,
            "reason": reason,
        }
        connection.execute(within(_RELEASE_MERGED, [*ids, *leaders]), values)


def _close(connection: Connection, members: Given) -> None:
    """Write into each leader those of its members that are merged with it; nothing joins its digest any more."""
    ids = [id_ for some in members.values() for id_ in some]
    rows = connection.execute(within(_READ_MERGED, ids), {"ids": uuids(ids)}).all() if ids else ()
    leader_of = {row.notification_id: row.leader for row in rows}
    kept = {leader: [id_ for id_ in some if leader_of.get(id_) == leader] for leader, some in members.items()}
    connection.execute(within(_CLOSE_LEADERS, kept), closed(kept.items()))


def _left(locked: Locked, leaders: Given) -> Iterator[UUID]:
    for leader, given in leaders.items():
        yield from set(locked.joined.get(leader, ())).difference(given)


def _waits(state: tuple[UUID | None, str, bool] | None, leader: UUID) -> bool:
    return state is not None and state[0] == leader and state[1] == Status.PENDING


def _may_merge(state: tuple[UUID | None, str, bool] | None, leader: UUID) -> bool:
    """Return whether it is in the message of that leader, or may be."""
    if state is None or state[0] != leader:
        return False
    return state[1] == Status.MERGED or (state[1] == Status.PENDING and not state[2])
