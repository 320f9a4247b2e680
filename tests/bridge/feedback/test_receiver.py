"""One receiver on a queue and an outbox with given failures."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy.exc
from structlog.testing import capture_logs

from bridge.feedback.envelope import MessageParser
from bridge.feedback.flow import Flow
from bridge.feedback.queue import QueueMessage
from bridge.feedback.receiver import MOST_RECEIVES, Receiver
from notifier.database.errors import DatabaseError
from notifier.errors import DecodeError, Unreachable
from notifier.feedback import DeadLetter, Feedback
from notifier.outbox import Settled
from tests.bridge.feedback import records
from tests.bridge.feedback.memory_queue import MemoryQueue

AWAY = sqlalchemy.exc.OperationalError("UPDATE", {}, Exception("server closed the connection"))
REFUSED = sqlalchemy.exc.DataError("INSERT", {}, Exception("out of range"))


class Outbox:
    """Keeps what is settled. `fails` returns the error for a batch, None for none."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.events: list[str] = []
        self.dead: list[DeadLetter] = []
        self.idle_since: list[float] = []
        self.fails: Callable[[Sequence[str]], Exception | None] = lambda _: None

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        ids = [each.message_id for each in events]
        if error := self.fails(ids):
            raise error
        self.events += ids
        self.dead += dead
        self.log.append(f"settle {len(events)} {len(dead)}")
        return Settled(fresh=len(events), dead=len(dead))

    def match_again(self) -> bool:
        return False

    def note_settled_before(self, ago: float = 0.0) -> None:
        self.idle_since.append(ago)


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


class Environment:
    """A receiver with everything around it."""

    def __init__(self, bodies: Sequence[str], parser: MessageParser | None = None) -> None:
        self.queue = MemoryQueue(bodies)
        self.outbox = Outbox(self.queue.log)
        self.clock = Clock()
        self.flow = Flow(self.queue, self.clock)
        self.receiver = Receiver(self.queue, parser or MessageParser(None), self.outbox, self.flow, self.clock)


def event(name: str) -> str:
    return json.dumps(records.send(messageId=name))


def events(count: int) -> list[str]:
    return [event(f"m{number}") for number in range(count)]


def test_what_is_there_is_settled_at_once_and_then_deleted() -> None:
    environment = Environment([*events(25), "poison"])
    environment.receiver.run_once()
    assert environment.queue.log == ["settle 25 1", "delete 26"]
    assert [letter.raw for letter in environment.outbox.dead] == [b"poison"]
    assert len(environment.queue) == 0


def test_a_message_about_no_mail_is_logged_and_deleted() -> None:
    farewell = json.dumps({"Type": "UnsubscribeConfirmation", "TopicArn": "arn:x", "Message": "x"})
    environment = Environment(
        ["Successfully validated SNS topic for Amazon SES event publishing.", farewell, *events(1)]
    )
    with capture_logs() as logs:
        environment.receiver.run_once()
    assert environment.queue.log == ["settle 1 0", "delete 3"]
    notices = [(each["log_level"], each["notice"]) for each in logs if "notice" in each]
    assert [(level, "the subscription of this queue" in text) for level, text in notices] == [
        ("info", False),
        ("error", True),
    ]

    alone = Environment([farewell])
    alone.receiver.run_once()
    assert alone.queue.log == ["settle 0 0", "delete 1"]


def test_a_batch_has_its_bounds() -> None:
    environment = Environment(events(1_200))
    for _ in range(4):
        environment.receiver.run_once()
    assert environment.queue.log[::2] == ["settle 500 0", "settle 500 0", "settle 200 0", "delete 0"]

    large = Environment([json.dumps({**records.send(), "padding": "x" * 250_000})] * 40)
    large.receiver.run_once()
    assert large.queue.log == ["settle 20 0", "delete 20"]


def test_killed_before_it_deletes_a_batch_comes_again() -> None:
    environment = Environment(events(3))
    environment.queue.errors["delete"] = [Unreachable("killed")]
    with pytest.raises(Unreachable):
        environment.receiver.run_once()
    assert environment.queue.end_visibility() == 3
    environment.receiver.run_once()
    assert environment.queue.log == ["settle 3 0", "settle 3 0", "delete 3"]


def test_while_the_database_is_away_a_batch_is_kept_and_no_other_is_taken() -> None:
    environment = Environment(events(30))
    environment.outbox.fails = lambda _: AWAY
    for _ in range(3):
        with pytest.raises(DatabaseError):
            environment.receiver.run_once()
    assert len(environment.queue.hidden) == 30
    environment.queue.waiting = MemoryQueue(events(5)).waiting

    environment.outbox.fails = lambda _: None
    environment.receiver.run_once()
    assert environment.queue.log == ["settle 30 0", "delete 30"]


def test_a_batch_is_dropped_before_another_receiver_gets_it() -> None:
    environment = Environment(events(2))
    environment.outbox.fails = lambda _: AWAY
    with pytest.raises(DatabaseError):
        environment.receiver.run_once()
    environment.clock.now += environment.queue.visibility / 2 + 1
    with pytest.raises(DatabaseError):
        environment.receiver.run_once()
    environment.outbox.fails = lambda _: None
    environment.receiver.run_once()
    assert environment.queue.log == ["delete 0"]
    assert environment.queue.end_visibility() == 2


def test_one_event_that_the_database_refuses_does_not_hold_up_the_others() -> None:
    environment = Environment([*events(100), event("poison")])
    environment.outbox.fails = lambda ids: REFUSED if "poison" in ids else None
    environment.receiver.run_once()
    assert sorted(environment.outbox.events) == sorted(f"m{number}" for number in range(100))
    assert [letter.error for letter in environment.outbox.dead] == ["the database refuses it: Exception"]
    assert [letter.raw.decode() for letter in environment.outbox.dead] == [event("poison")]
    assert environment.queue.log[-1] == "delete 101"


def test_a_mistake_of_ours_with_one_event_is_tried_again_and_not_for_ever() -> None:
    environment = Environment([*events(10), event("poison")])
    environment.outbox.fails = lambda ids: KeyError("x") if "poison" in ids else None
    environment.receiver.run_once()
    assert len(environment.outbox.events) == 10
    for _ in range(MOST_RECEIVES - 1):
        assert (environment.outbox.dead, environment.queue.end_visibility()) == ([], 1)
        environment.receiver.run_once()
    assert [letter.error for letter in environment.outbox.dead] == ["a mistake in Notifier: KeyError"]
    assert len(environment.queue) == 0


class SnsAway:
    """A signature check that is unavailable for one envelope and fails for another."""

    def check(self, envelope: Any) -> None:
        if envelope["Message"] == event("m0"):
            raise Unreachable("the certificate of SNS cannot be fetched")
        if envelope["Message"] == event("m1"):
            raise DecodeError("forged")


def test_what_cannot_be_checked_now_stays_in_the_queue() -> None:
    bodies = [json.dumps({"Type": "Notification", "TopicArn": "t", "Message": each}) for each in events(5)]
    environment = Environment(bodies, MessageParser(SnsAway()))
    with capture_logs() as logs:
        environment.receiver.run_once()
    assert environment.queue.log == ["settle 3 1", "delete 4"]
    assert [each.body for each in environment.queue.hidden.values()] == [bodies[0]]
    assert any("ALARM" in line["event"] for line in logs)


def test_nothing_is_settled_where_nothing_can_be_checked() -> None:
    environment = Environment(
        [json.dumps({"Type": "Notification", "TopicArn": "t", "Message": event("m0")})], MessageParser(SnsAway())
    )
    environment.receiver.run_once()
    assert environment.queue.log == ["delete 0"]


def test_what_came_before_the_queue_went_away_is_settled() -> None:
    environment = Environment(events(25))
    environment.queue.errors["receive"] = [None, Unreachable("away"), Unreachable("away")]
    environment.receiver.run_once()
    assert environment.queue.log == ["settle 10 0", "delete 10"]
    with pytest.raises(Unreachable):
        environment.receiver.run_once()


@pytest.mark.parametrize("trouble", ["receive", "delete", "database", "left"])
def test_events_are_known_to_flow_only_while_nothing_goes_wrong(trouble: str) -> None:
    environment = Environment(events(1), MessageParser(None))
    environment.clock.now += 200
    environment.receiver.run_once()
    environment.clock.now += 5
    environment.receiver.run_once()
    assert environment.outbox.idle_since == [131.0]

    environment.clock.now += 10
    environment.queue.waiting = MemoryQueue(events(1)).waiting
    if trouble == "database":
        environment.outbox.fails = lambda _: AWAY
    elif trouble == "left":
        environment.outbox.fails = lambda _: KeyError("x")
    else:
        environment.queue.errors[trouble] = [Unreachable("away")]
    with suppress(DatabaseError, Unreachable):
        environment.receiver.run_once()
    assert len(environment.outbox.idle_since) == 1
    environment.outbox.fails = lambda _: None
    environment.queue.hidden.clear()  # others could settle what was left
    for seconds in (120, 11):
        environment.clock.now += seconds
        environment.receiver.run_once()
        assert len(environment.outbox.idle_since) == 1
    environment.clock.now += 5
    environment.receiver.run_once()
    assert len(environment.outbox.idle_since) == 2


def test_what_another_process_takes_again_and_again_and_cannot_settle_is_waited_for() -> None:
    environment = Environment([])
    environment.queue.hidden["other's"] = QueueMessage(event("stuck"), "other's")
    for _ in range(60):
        environment.clock.now += 5
        environment.queue.waiting = MemoryQueue(events(3)).waiting
        environment.receiver.run_once()
    assert environment.outbox.events
    assert environment.outbox.idle_since == []

    environment.queue.hidden.clear()
    for _ in range(2):
        environment.clock.now += 5
        environment.receiver.run_once()
    assert environment.outbox.idle_since == [131.0]


def test_no_personal_data_goes_into_a_log() -> None:
    bodies = [json.dumps(records.bounce(**records.HARD)), json.dumps({"mail": records.RECIPIENT}), records.RECIPIENT]
    environment = Environment(bodies)
    environment.outbox.fails = lambda ids: KeyError(records.RECIPIENT) if ids else None
    with capture_logs() as logs:
        environment.receiver.run_once()
    assert len(environment.outbox.dead) == 2
    assert logs
    assert records.RECIPIENT not in str(logs)
