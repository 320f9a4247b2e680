"""A database in which much went right, and some of everything went wrong, by the functions of bridge and outbox."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from bridge.stream.client import Shard
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from docs.screenshots.records import notification
from examples.activity import sample_items
from notifier.database.engine import Engine
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    Change,
    ChannelStates,
    CountKey,
    Decision,
    DeliveryCounts,
    FailedUpdate,
    Operations,
    OverdueAction,
    Page,
    Partitions,
    Publications,
    Quarantined,
    Recipient,
    Recording,
    Reveals,
    RewindRequests,
    RewindTarget,
    Selection,
    Settlement,
    ShardLease,
    StatusUpdates,
    Suppressions,
    Unknowns,
    end_leases,
)
from notifier.outbox.operator.waiting import parked, routeless
from notifier.status_updates import wanted_of

TABLE = "activity"
ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/activity/stream/2026-01-05T08:00:00.000"
LEASE_SECONDS = 3600.0
OLD, LEFT, RIGHT, LOST, AFTER = (f"shardId-00000001767600000{n}00-5c1f0a{n}e" for n in range(5))

REJECTED = "MessageRejected: Address blacklisted."
NO_NAME = "UndefinedError: 'from_name' is undefined (templates/friend_request.html.j2, line 4)"
PAUSED = "BadRequestException: Sending is paused for the tenant blue."
TIMED_OUT = "the provider gave no answer in 10 s, so it may have accepted"

_NONE = UUID(int=0)


@dataclass
class Sample:
    """What was made: notifications that the pictures and the tests name, the recipient of each, the checkpoints."""

    engine: Engine
    failed: UUID = _NONE
    held: UUID = _NONE
    addresses: dict[UUID, str] = field(default_factory=dict)
    positions: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._items = sample_items(10_000)
        self._now = datetime.now(UTC)
        self._number = 100_000_000_000_000_000_000
        self._routes: dict[UUID, str] = {}
        self._recording = Recording(self.engine, Partitions(self.engine))

    def attempts(self, unknown_after: float = 3600.0) -> Attempts:
        return Attempts(self.engine, channel="email", worker="worker-2:41", unknown_after=unknown_after)

    def record(
        self,
        lease: ShardLease,
        count: int,
        *,
        ago: float,
        unrouted: int = 0,
        quarantined: Sequence[str] = (),
        waits: bool = False,
        wanted_updates: int = 0,
        route: str = "",
    ) -> list[UUID]:
        """Record a page of `count` items that were written `ago` minutes ago; return its notifications. With `waits`
        the broker holds their messages. `route` is the route of all, else each has that of its item.
        """
        at = self._now - timedelta(minutes=ago)
        made = []
        for item in islice(self._items, count):
            if route:
                item["type"] = route
            made.append(notification(lease, self._next(), item, at, wanted_updates))
            self.addresses[made[-1].id] = item["to"]
            self._routes[made[-1].id] = item["type"]
        odd = [Quarantined(str(self._next()), b'{"dynamodb":{}}', error) for error in quarantined]
        page = Page(str(self._next()), at, made, odd, unrouted)
        recorded = self._recording.record(lease, self.positions.get(lease.shard), page)
        ids, publications = [each.publication for each in recorded], Publications(self.engine)
        publications.mark_published(ids) if waits else publications.delete(ids)
        self.positions[lease.shard] = str(page.checkpoint)
        return [each.id for each in made]

    def begin(self, ids: Sequence[UUID], lease_seconds: float = 60.0, unknown_after: float = 3600.0) -> UUID:
        attempts = self.attempts(unknown_after)
        token = attempts.token()
        attempts.begin(token, [Recipient(each, self.addresses[each]) for each in ids], lease_seconds)
        return token

    def finish(self, ids: Sequence[UUID], to: Status, **details: object) -> None:
        """Begin an attempt of each and end it so."""
        token = self.begin(ids)
        changes = [Change(each, to, **details) for each in ids]  # type: ignore[arg-type]
        self.attempts().finish(token, changes)
        self._count(ids, to)

    def send(self, ids: Sequence[UUID]) -> None:
        token = self.begin(ids)
        self.attempts().finish(token, [Change(each, Status.SENT, message_id=message_of(each)) for each in ids])
        self._count(ids, Status.SENT)

    def events(self, kind: FeedbackKind, ids: Sequence[UUID], detail: str | None = None) -> None:
        """Settle an event of this kind for the first attempt of each."""
        now = datetime.now(UTC)
        Settlement(self.engine, channel="email").settle(
            [
                Feedback(
                    kind,
                    message_of(each),
                    now,
                    now,
                    each,
                    1,
                    self.addresses[each],
                    permanent=kind is FeedbackKind.BOUNCE,
                    detail=detail,
                )
                for each in ids
            ]
        )

    def _count(self, ids: Sequence[UUID], status: Status) -> None:
        """Add to the workers' counters, which the charts show."""
        routes = Counter(CountKey("email", self._routes[each], status) for each in ids)
        DeliveryCounts(self.engine).add(routes)

    def _next(self) -> int:
        self._number += 7
        return self._number


def message_of(id_: UUID) -> str:
    """Return a name for a message as SES gives them."""
    return f"0102019b{id_.hex[:8]}-{id_.hex[8:12]}-000000"


def fill(engine: Engine, after_step: Callable[[int], None] = lambda _: None) -> Sample:
    """Fill an empty database. `after_step` is called with the minutes that have passed since the step, in a story of
    an hour that takes a second to tell.
    """
    sample = Sample(engine)
    left, right = _shards(sample)
    for step, ago in enumerate(range(58, 1, -2)):
        ids = sample.record(left if step % 3 else right, 14 + step * 5 % 17, ago=ago, unrouted=step % 4)
        sample.send(ids)
        sample.events(FeedbackKind.DELIVERY, ids[: len(ids) - 2])
        if step in {12, 13, 14}:
            sample.finish(sample.record(right, 6, ago=ago), Status.FAILED, reason=REJECTED)
        after_step(ago)
    _failures(sample, left)
    _lost_answers(sample, right)
    _feedback(sample, left)
    _waiting(sample, left, right)
    _operators(sample, right)
    _status_updates(sample, left)
    after_step(0)
    return sample


def _shards(sample: Sample) -> tuple[ShardLease, ShardLease]:
    """A shard that was read to its end, its two children, and one of which the records were lost."""
    tree, leases = ShardTree(sample.engine), Leases(sample.engine, "bridge-1:7", LEASE_SECONDS, [TABLE])
    tree.register(TABLE, ARN, [Shard(OLD, None, closed=True), Shard(LOST, None, closed=True)])
    taken = {each.shard_id: each for each in leases.acquire(10)}
    sample.send(sample.record(taken[OLD], 40, ago=59, unrouted=12))
    tree.finish(taken[OLD], sample.positions[taken[OLD].shard], [Shard(LEFT, OLD, False), Shard(RIGHT, OLD, False)])
    sample.send(sample.record(taken[LOST], 9, ago=59, quarantined=["the record has no Keys"]))
    trimmed = "DynamoDB trimmed the records after the checkpoint: no bridge had read the shard for 26 hours"
    tree.mark_lost(taken[LOST], sample.positions[taken[LOST].shard], trimmed)
    found = {each.shard_id: each for each in leases.acquire(10)}
    tree.register(TABLE, ARN, [Shard(AFTER, LOST, closed=False)])
    other = Leases(sample.engine, "bridge-2:7", -1.0, [TABLE])  # which was killed: its lease has ended
    for each in other.acquire(1):
        sample.positions.pop(each.shard, None)
    return found[LEFT], found[RIGHT]


def _failures(sample: Sample, lease: ShardLease) -> None:
    unbuilt = sample.record(lease, 5, ago=0.09)
    attempts = sample.attempts()
    trace = f'Traceback (most recent call last):\n  File "templates/friend_request.html.j2", line 4\n{NO_NAME}\n'
    attempts.decide([Change(each, Status.FAILED, failed=True, reason=NO_NAME, detail=trace) for each in unbuilt])
    [sample.failed] = sample.record(lease, 1, ago=0.08)
    for _ in range(2):
        sample.finish([sample.failed], Status.PENDING, failed=True, delay=0.0, reason="the provider answered 503")
    sample.finish([sample.failed], Status.FAILED, failed=True, reason=REJECTED)
    slow = sample.record(lease, 3, ago=0.16)
    sample.finish(slow, Status.PENDING, failed=True, delay=600.0, reason="the provider answered 503")
    old, silent = sample.record(lease, 2, ago=0.14), sample.record(lease, 2, ago=0.14)
    attempts.decide([Change(each, Status.EXPIRED, reason="older than the route allows, 6 h") for each in old])
    attempts.decide([Change(each, Status.SKIPPED) for each in silent])


def _lost_answers(sample: Sample, lease: ShardLease) -> None:
    held, waiting, overdue = (sample.record(lease, count, ago=0.12) for count in (2, 3, 1))
    sample.held = held[0]
    token = sample.begin(held, unknown_after=0.0)
    ends = [Change(each, Status.UNKNOWN, reason=TIMED_OUT) for each in held]
    sample.attempts(0.0).finish(token, ends)
    Unknowns(sample.engine, 0.0).settle(lambda _: Decision(OverdueAction.HOLD, "no evidence"))
    sample.finish(waiting, Status.UNKNOWN, reason=TIMED_OUT)
    sample.begin(overdue, lease_seconds=-1.0)  # whose worker was killed
    end_leases(sample.engine)


def _feedback(sample: Sample, lease: ShardLease) -> None:
    ids = sample.record(lease, 12, ago=0.2)
    sample.send(ids)
    sample.events(FeedbackKind.BOUNCE, ids[:3], "smtp; 550 5.1.1 user unknown")
    sample.events(FeedbackKind.DELIVERY, ids[3:])
    sample.events(FeedbackKind.COMPLAINT, ids[3:4], "abuse")
    dead = [DeadLetter(b"{", "the message is no JSON: unexpected end of data, line 1 column 2")]
    again = Feedback(FeedbackKind.SEND, "0102019b-second-000000", datetime.now(UTC), datetime.now(UTC), ids[4], 2)
    Settlement(sample.engine, channel="email").settle([again], dead)


def _waiting(sample: Sample, left: ShardLease, right: ShardLease) -> None:
    sample.record(left, 4, ago=0.05, unrouted=3, quarantined=["the key pk is of the type BOOL"], waits=True)
    sample.begin(sample.record(right, 2, ago=0.04), lease_seconds=600.0)
    routeless_ones = sample.record(left, 4, ago=0.06, route="birthday_wishes")
    refused = sample.record(right, 3, ago=0.05)
    changes = [
        Change(each, Status.PENDING, delay=600.0, reason=routeless("birthday_wishes")) for each in routeless_ones
    ]
    changes += [Change(each, Status.PENDING, delay=600.0, reason=parked("tenant blue", PAUSED)) for each in refused]
    sample.attempts().decide(changes)


def _operators(sample: Sample, right: ShardLease) -> None:
    """What operators did: pauses, suppressions, a rewind, a redrive, a look at somebody's data."""
    engine = sample.engine
    eva, sam = (ChannelStates(engine, actor=name) for name in ("eva", "sam"))
    eva.pause("sms", "the sender id is not registered in Portugal yet")
    sam.pause("webhook", "their endpoint moves this morning")
    sam.resume("webhook", "it has moved")
    suppressions = Suppressions(engine, actor="eva")
    suppressions.add("email", "grace.obrien.7@example.com", reason="manual", note="she called support")
    suppressions.add("email", "jonas.berg.12@example.com", reason="unsubscribe", topic="profile_views")
    suppressions.add("sms", "+351912345678", reason="manual", note="a number of somebody else")
    again = sample.record(right, 2, ago=0.13)
    sample.finish(again, Status.FAILED, reason="ThrottlingException: Maximum sending rate exceeded")
    list(Operations(engine, actor="sam").redrive(Selection(ids=again), "the limit was raised", per_second=1000))
    Reveals(engine, actor="eva").notification(sample.failed, "she asked what we sent her")
    RewindRequests(engine, actor="sam").ask(RewindTarget(TABLE, LEFT, None), "a new route for job offers")


def _status_updates(sample: Sample, lease: ShardLease) -> None:
    """A destination that has what it is to get, and one whose receiver is down."""
    updates = StatusUpdates(sample.engine)
    bus, webhook = "arn:aws:events:eu-west-1:111122223333:event-bus/activity", "https://hooks.example.com/updates"
    sample.send(sample.record(lease, 12, ago=0.11, wanted_updates=wanted_of(["sent"])))
    updates.assign([bus, webhook])
    updates.accepted(bus, [each.update for each in updates.claim(bus, 100, 60.0)])
    claimed = updates.claim(webhook, 16, 60.0)
    updates.failed(webhook, [FailedUpdate(each.update, "503 Service Unavailable", 60.0) for each in claimed])
    updates.note_failure(webhook, "503 Service Unavailable")
