"""100,000 events, shuffled and repeated, some before their send is committed, by receivers that get killed."""

import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Engine

from bridge.feedback.envelope import MessageParser
from bridge.feedback.flow import Flow
from bridge.feedback.receiver import Receiver
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change, RateLimits, Recipient, Settlement, end_leases
from tests.bridge.feedback import records
from tests.bridge.feedback.memory_queue import MemoryQueue
from tests.outbox.rows import Rows
from tests.sql import Sql

pytestmark = pytest.mark.timeout(300)

EVENTS = 100_000
NOTIFICATIONS = 40_000
UNIT = 500
TWICE = 400
FOREIGN = 300
POISON = 50
RECEIVERS = 3
KILLED = 0.05

FATES = {
    Status.DELIVERED: ("Send", "Delivery"),
    Status.BOUNCED: ("Send", "Bounce"),
    Status.COMPLAINED: ("Send", "Delivery", "Complaint"),
    Status.SENT: ("Send", "DeliveryDelay"),
}
WEIGHTS = (80, 10, 5, 5)
MADE = {
    "Send": records.send(),
    "Delivery": records.delivery(),
    "Bounce": records.bounce(**records.HARD),
    "Complaint": records.complaint(),
    "DeliveryDelay": records.delay(),
}


@dataclass
class Unit:
    """Notifications that were begun together; `answered` says when the provider's answer is committed."""

    token: UUID
    ids: list[UUID]
    answered: str


@dataclass
class Expected:
    """What was sent, and the final states and counts that must result."""

    rng: random.Random
    units: list[Unit] = field(default_factory=list)
    fates: dict[UUID, Status] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def accept(self, id_: UUID, message_id: str, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            self.kinds[kind] += 1
            self.bodies.append(body(kind, message_id, f"{id_.hex}@example.com", nid=[str(id_)], att=["1"]))


def body(kind: str, message_id: str, to: str = records.RECIPIENT, **tags: list[str]) -> str:
    mail = {name: records.mail()[name] for name in ("timestamp", "source", "headersTruncated")}
    mail |= {"destination": [to], "messageId": message_id, "tags": tags}
    return orjson.dumps({**MADE[kind], "mail": mail}).decode()


def message_of(id_: UUID) -> str:
    return f"0102{id_.hex}-000000"


def begin(rows: Rows, expected: Expected) -> None:
    """Each unit's answer is committed before any event, among the events, or never: its lease ends."""
    attempts = rows.attempts()
    for number in range(NOTIFICATIONS // UNIT):
        ids = rows.pending(UNIT)
        token = uuid.uuid4()
        answered = ("before", "before", "among", "never")[number % 4]
        attempts.begin(token, [Recipient(id_, f"{id_.hex}@example.com") for id_ in ids], 600.0)
        expected.units.append(Unit(token, ids, answered))
        for id_ in ids:
            fate = expected.rng.choices(list(FATES), WEIGHTS)[0]
            expected.fates[id_] = fate
            expected.accept(id_, message_of(id_), FATES[fate])
    rows.run("UPDATE claims SET lease_until = now() WHERE token = ANY(:tokens)", tokens=tokens(expected, "never"))
    end_leases(rows.engine)


def tokens(expected: Expected, answered: str) -> list[UUID]:
    return [unit.token for unit in expected.units if unit.answered == answered]


def finish(rows: Rows, expected: Expected, answered: str) -> None:
    attempts = rows.attempts()
    for unit in expected.units:
        if unit.answered == answered:
            attempts.finish(unit.token, [Change(id_, Status.SENT, message_id=message_of(id_)) for id_ in unit.ids])


class Killed(Unreachable):
    pass


class DeadlyQueue(MemoryQueue):
    """Sometimes kills the receiver that has settled a batch, before it deletes the batch: it comes again."""

    def __init__(self, bodies: list[str], rng: random.Random) -> None:
        super().__init__(bodies)
        self.rng = rng
        self.kills = 0

    def delete(self, messages: Any) -> int:
        if self.rng.random() < KILLED:
            self.kills += 1
            self.give_back(messages)
            raise Killed
        return super().delete(messages)


def receive_all(engine: Engine, queue: DeadlyQueue) -> None:
    """Receive until the queue is empty, with receivers of three processes."""
    settlement = Settlement(engine, channel="email", limits=RateLimits(bounces=1.0, complaints=1.0))

    def work() -> None:
        receiver = Receiver(queue, MessageParser(None), settlement, Flow(queue))
        while queue.waiting:
            try:
                receiver.run_once()
            except Killed:
                receiver = Receiver(queue, MessageParser(None), settlement, Flow(queue))

    threads = [threading.Thread(target=work) for _ in range(RECEIVERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def expected(rows: Rows) -> Expected:
    expected = Expected(random.Random(7))
    begin(rows, expected)
    twice = expected.rng.sample([id_ for id_, fate in expected.fates.items() if fate is Status.DELIVERED], TWICE)
    for id_ in twice:
        expected.accept(id_, f"second-{id_.hex}", ("Send", "Delivery"))
    unique = len(expected.bodies)
    expected.bodies += [body("Delivery", f"foreign-{number}", order=["7"]) for number in range(FOREIGN)]
    expected.bodies += [f"poison {number}" for number in range(POISON)]
    expected.bodies += expected.rng.choices(expected.bodies[:unique], k=EVENTS - unique)
    expected.rng.shuffle(expected.bodies)
    return expected


def test_every_final_state_is_right_and_every_event_counts_once(
    rows: Rows, engine: Engine, expected: Expected
) -> None:
    assert len(expected.bodies) - FOREIGN - POISON == EVENTS
    finish(rows, expected, "before")
    queue = DeadlyQueue(expected.bodies, expected.rng)
    answers = threading.Thread(target=finish, args=(rows, expected, "among"))
    answers.start()
    receive_all(engine, queue)
    answers.join()
    assert len(queue) == 0
    assert queue.kills > 3

    sql = Sql(engine)
    found = {row["notification_id"]: row["status"] for row in sql.all("SELECT * FROM deliveries")}
    assert found == expected.fates
    assert sql.one("SELECT count(*) AS n FROM deliveries WHERE provider_message_id IS NULL")["n"] == 0
    assert sql.one("SELECT count(*) AS n FROM due")["n"] == 0

    kept = sql.all("SELECT kind, count(*) AS n FROM feedback GROUP BY kind")
    counted = {row["kind"]: row["n"] for row in kept}
    assert counted == {
        "send": expected.kinds["Send"],
        "delivery": expected.kinds["Delivery"],
        "bounce": expected.kinds["Bounce"],
        "complaint": expected.kinds["Complaint"],
        "delay": expected.kinds["DeliveryDelay"],
    }
    hours = sql.one("SELECT sum(sends) AS send, sum(deliveries) AS delivery, sum(hard_bounces) AS bounce, "
                    "sum(complaints) AS complaint FROM feedback_hours")  # fmt: skip
    assert hours == {kind: counted[kind] for kind in ("send", "delivery", "bounce", "complaint")}

    assert sql.one("SELECT count(*) AS n FROM duplicates")["n"] == TWICE
    assert sql.one("SELECT count(*) AS n FROM unmatched_feedback")["n"] == FOREIGN
    assert sql.one("SELECT count(*) AS n FROM dead_letters")["n"] == POISON
    suppressed = Counter(row["reason"] for row in sql.all("SELECT reason FROM suppressions"))
    fates = Counter(expected.fates.values())
    assert suppressed == {"hard_bounce": fates[Status.BOUNCED], "complaint": fates[Status.COMPLAINED]}
