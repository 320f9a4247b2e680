"""Collects events, and reads what was collected."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.database.arrays import uuids
from notifier.notifications import Status
from notifier.outbox.days import within
from notifier.outbox.digests.assignment import JOINED, LEADS, Arrival, Assignment, Leader, OpenDigest, assign
from notifier.outbox.digests.members import Member, Members
from notifier.outbox.statements import statement

_READ = statement(__package__, "read_assignments.sql", lock="")
_LOCK_ASSIGNMENTS = statement(__package__, "read_assignments.sql", lock="FOR NO KEY UPDATE")
_LOCK = statement(__package__, "lock_keys.sql")
_WRITE = statement(__package__, "write_assignments.sql")
_SAVE = statement(__package__, "save_digest.sql")
_DELETE_PAUSED = statement(__package__, "delete_paused.sql")
_COLLECTED = statement(__package__, "read_collected.sql")
_MEMBERS = statement(__package__, "read_members.sql")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a delivery: the leader that it was collected for, and whether it leads a digest, or must be
    sent alone because an attempt was made before.
    """

    leader: UUID | None
    leads: bool


def collected(connection: Connection, leaders: Collection[UUID]) -> Sequence[Any]:
    """Return of each leader its id, its members, and whether it has ended."""
    return connection.execute(within(_COLLECTED, leaders), {"leaders": uuids(leaders)}).all()


class Digests:
    """The digests of one channel.

    digests = Digests(engine, channel="email")
    leaders = digests.collect([Arrival(id, key, window=3600.0, at_most=100, first_at_once=False)])
    members = digests.members(leaders)  # those of each leader whose message is to be built now
    """

    def __init__(self, engine: Engine, *, channel: str) -> None:
        self._engine = engine
        self._channel = channel

    def standings(self, ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Return what is known of those of the deliveries that are pending and due."""
        with self._engine.begin() as connection:
            rows = connection.execute(within(_READ, ids), {"ids": uuids(ids)}).all()
        return {row.notification_id: Standing(row.leader, _leads(row)) for row in rows if row.is_due}

    def collect(self, arrivals: Sequence[Arrival]) -> list[UUID]:
        """Pending → pending: each event leads a digest or joins one. Return those whose messages are to be built now.

        Repeating it is safe: an event that has a leader keeps it.
        """
        by_key: dict[UUID, list[Arrival]] = {}
        for each in arrivals:
            by_key.setdefault(each.key, []).append(each)
        with self._engine.begin() as connection:
            locked = connection.execute(_LOCK, {"keys": uuids(sorted(by_key))}).all()
            digests = {
                key: OpenDigest(leader, list(members), at, pause) for key, leader, members, at, pause, _ in locked
            }
            named = [each.leader for each in digests.values()] + [each.leader for each in arrivals]
            every = [each.id for each in arrivals] + [id_ for id_ in named if id_]
            rows = connection.execute(within(_LOCK_ASSIGNMENTS, every), {"ids": uuids(every)})
            known = {row.notification_id: row for row in rows}
            leaders = {id_: _leader(row) for id_, row in known.items()}
            ready: list[UUID] = []
            assignments: list[Assignment] = []
            for key, some in by_key.items():
                waiting = [each for each in some if (row := known.get(each.id)) and row.is_due and not _leads(row)]
                ready += [each.id for each in some if (row := known.get(each.id)) and row.is_due and _leads(row)]
                assignments += assign(waiting, digests[key], leaders, locked[0][-1])
            self._write(connection, assignments, digests)
        came = {each.id for each in arrivals}
        ready += [each.id for each in assignments if each.id == each.leader and not each.until and each.id in came]
        return list(dict.fromkeys(ready))  # one that is ready may be filled, too

    def members(self, leaders: Sequence[UUID]) -> dict[UUID, Members]:
        """Return the other events of each leader's message, without their records."""
        found: dict[UUID, list[Member]] = {id_: [] for id_ in leaders}
        gone: Counter[UUID] = Counter()
        with self._engine.connect() as connection:
            rows = collected(connection, leaders)
            pairs = [(leader, id_) for leader, members, _ in rows for id_ in members]
            ended = {leader for leader, _, has_ended in rows if has_ended}
            if pairs:
                ids = [id_ for _, id_ in pairs]
                values = {"ids": uuids(ids), "leaders": uuids(leader for leader, _ in pairs)}
                for leader, id_, size in connection.execute(within(_MEMBERS, ids), values):
                    if size is not None:
                        found[leader].append(Member(id_, size))
                    elif leader in ended:
                        gone[leader] += 1
        return {
            leader: Members(tuple(sorted(some, key=lambda each: each.id.int)), gone[leader])
            for leader, some in found.items()
        }

    def _write(
        self, connection: Connection, assignments: Sequence[Assignment], digests: dict[UUID, OpenDigest]
    ) -> None:
        if assignments:
            ordered = sorted(assignments, key=lambda each: each.id.int)
            ids = [each.id for each in ordered]
            values = {
                "ids": uuids(ids),
                "leaders": uuids(each.leader for each in ordered),
                "untils": [each.until for each in ordered],
                "reasons": [LEADS if each.id == each.leader else JOINED for each in ordered],
                "channel": self._channel,
                **closed((each.id, each.members) for each in ordered if each.members is not None),
            }
            connection.execute(within(_WRITE, ids), values)
            connection.execute(
                _SAVE,
                [
                    {
                        "key": key,
                        "leader": each.leader,
                        "members": uuids(each.members),
                        "closes_at": each.closes_at,
                        "pause": each.pause,
                    }
                    for key, each in digests.items()
                ],
            )
        connection.execute(_DELETE_PAUSED, {"limit": 2 * len(digests)})


def closed(leaders: Iterable[tuple[UUID, Sequence[UUID]]]) -> dict[str, Any]:
    """Return leaders and their members as the parameters of close_leaders.sql."""
    pairs = [(leader, member) for leader, members in leaders for member in (members or (None,))]
    return {"closed": [leader for leader, _ in pairs], "members": [member for _, member in pairs]}


def _leads(row: Any) -> bool:
    """Return whether nothing can join it any more, or it led before: an attempt was made, or its digest is closed."""
    return row.leader == row.notification_id or row.members is not None or row.attempt > 0


def _leader(row: Any) -> Leader:
    waits = row.status == Status.PENDING and not row.attempt
    return Leader(waits, row.members, row.next_attempt_at, row.failures)
