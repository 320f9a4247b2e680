"""Which of the events that come leads a digest, and which joins the one that is open. Pure.

A digest is open until its message is begun, or its route decides that there is none. It closes earlier when it has as
many events as its route allows: its leader is due then, and the next event leads another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from notifier.notifications import created_ms

LEADS = "collects the events of its digest"
JOINED = "waits for the message of its digest"

_NEVER = datetime.fromtimestamp(0, UTC)
LOOK_AGAIN = timedelta(hours=1)
"""How long after its leader a member is due itself. By then it is merged, unless its leader ended without it, by an
operator for instance: then it is collected anew.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event of a route that collects. `key` is what it shares with others; `window` is seconds.

    `leader` is the notification that it was collected for before.
    """

    id: UUID
    key: UUID
    window: float
    at_most: int
    first_at_once: bool
    leader: UUID | None = None


@dataclass(slots=True)
class OpenDigest:
    """The row of a key in `digests`."""

    leader: UUID | None = None
    members: list[UUID] = field(default_factory=list)
    closes_at: datetime = _NEVER
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class Leader:
    """A notification that leads. `waits`: it is pending and was never begun. `members`: None while it is open."""

    waits: bool
    members: Sequence[UUID] | None = None
    next_attempt_at: datetime | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is written of a delivery: its leader, until when it waits (None: it is due as it is), and the members that
    the digest is closed with (None: it is open, or this is no leader).
    """

    id: UUID
    leader: UUID
    until: datetime | None = None
    members: tuple[UUID, ...] | None = None


def assign(
    arrivals: Sequence[Arrival], digest: OpenDigest, leaders: Mapping[UUID, Leader], now: datetime
) -> list[Assignment]:
    """Return the assignments of events of one key, and of a leader whose digest they fill. Changes `digest` to match.

    `leaders` has the leader of the digest, and those that the arrivals name.
    """
    assignments: dict[UUID, Assignment] = {}
    for each in sorted(arrivals, key=lambda arrival: arrival.id.int):
        if each.leader is not None and _is_member(each, digest, assignments, leaders):
            assignments[each.id] = Assignment(each.id, each.leader, _after(leaders[each.leader].next_attempt_at, now))
        elif digest.leader is not None and (digest.leader in assignments or _is_open(leaders.get(digest.leader))):
            _join(each, digest, assignments, leaders, now)
        else:
            assignments[each.id] = _lead(each, digest, now)
    return list(assignments.values())


def _is_member(
    arrival: Arrival, digest: OpenDigest, assignments: Mapping[UUID, Assignment], leaders: Mapping[UUID, Leader]
) -> bool:
    """Return whether it is a member of a digest whose leader still waits."""
    found = leaders.get(arrival.leader) if arrival.leader else None
    if arrival.leader is None or found is None or not found.waits:
        return False
    if digest.leader == arrival.leader:
        return arrival.id in digest.members
    assigned = assignments.get(arrival.leader)  # another event of this unit has filled its digest
    return arrival.id in ((assigned.members if assigned else found.members) or ())


def _is_open(leader: Leader | None) -> bool:
    return leader is not None and leader.waits and leader.members is None


def _lead(each: Arrival, digest: OpenDigest, now: datetime) -> Assignment:
    """Let the event lead: at once if its route says `first_at_once` and no message was sent within the window."""
    paused = digest.leader is None and digest.closes_at > now
    digest.members, digest.pause = [], each.window if each.first_at_once else None
    if each.first_at_once and not paused:
        digest.leader, digest.closes_at = None, now + timedelta(seconds=each.window)
        return Assignment(each.id, each.id, members=())
    if not paused:
        created = datetime.fromtimestamp(created_ms(each.id) / 1000, UTC)
        digest.closes_at = created + timedelta(seconds=each.window)
    digest.leader = each.id
    return Assignment(each.id, each.id, digest.closes_at if digest.closes_at > now else None)


def _join(
    each: Arrival,
    digest: OpenDigest,
    assignments: dict[UUID, Assignment],
    leaders: Mapping[UUID, Leader],
    now: datetime,
) -> None:
    """Let the event join the open digest. If that fills it, its leader is due, unless it waits for a retry."""
    assert digest.leader is not None  # noqa: S101  narrows the type
    assigned = assignments.get(digest.leader)
    if each.id not in digest.members:
        digest.members.append(each.id)
    waits_until = assigned.until if assigned else leaders[digest.leader].next_attempt_at
    assignments[each.id] = Assignment(each.id, digest.leader, _after(waits_until, now))
    if len(digest.members) + 1 < each.at_most:
        return
    members = tuple(digest.members)
    if assigned:
        assignments[digest.leader] = replace(assigned, until=None, members=members)
    else:
        retries = leaders[digest.leader].failures > 0
        assignments[digest.leader] = Assignment(digest.leader, digest.leader, None if retries else now, members)
    digest.leader, digest.members = None, []
    digest.closes_at = now + timedelta(seconds=each.window if each.first_at_once else 0)


def _after(leader: datetime | None, now: datetime) -> datetime:
    return max(leader or now, now) + LOOK_AGAIN
