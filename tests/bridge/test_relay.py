import uuid

import pytest
import redis
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.relay import Relay
from notifier.broker import BrokerError, Queue, queue_name
from notifier.notifications import Status
from notifier.outbox import Change, Publications, Wanted
from tests.outbox.rows import Rows

DUE = "UPDATE publications SET due_at = now()"


@pytest.fixture
def relay(engine: Engine, queue: Queue) -> Relay:
    return Relay(engine, Publications(engine), queue, high_water=1_000)


def test_what_the_bridge_did_not_publish_is_published(rows: Rows, relay: Relay, queue: Queue) -> None:
    ids = rows.pending(5)
    assert relay.run_once() == 0  # the bridge has its grace
    rows.run(DUE)
    assert relay.run_once() == 5
    assert queue.held("email") == set(ids)


def test_a_backlog_does_not_multiply(rows: Rows, relay: Relay, queue: Queue) -> None:
    rows.pending(5)
    for _ in range(4):
        rows.run(DUE)
        relay.run_once()
    assert queue.depth("email") == 5


def test_a_message_that_a_worker_has_taken_is_not_published_again(
    rows: Rows, relay: Relay, queue: Queue, broker_url: str
) -> None:
    (id_,) = rows.pending()
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:  # as kombu does on receipt
        message = client.rpop("notifier.email")
        assert isinstance(message, bytes)
        client.hset("unacked", "tag", b'[%s, "", "notifier.email"]' % message)
    rows.run(DUE)

    assert relay.run_once() == 0
    assert queue.held("email") == {id_}


def test_what_the_broker_lost_is_published_again(rows: Rows, relay: Relay, queue: Queue, broker_url: str) -> None:
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    rows.run(DUE)

    assert relay.run_once() == 5
    assert queue.held("email") == set(ids)


def test_a_message_that_a_worker_left_to_the_relay_is_no_loss(
    rows: Rows, relay: Relay, queue: Queue, broker_url: str
) -> None:
    rows.pending()
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:
        assert client.lpop(queue_name("email"))  # whose row stays pending, as the channel's rate is used up
    rows.run(DUE)

    with capture_logs() as logs:
        assert relay.run_once() == 1
    assert [(each["log_level"], each["event"]) for each in logs] == [
        ("info", "published again: still pending, and not in the broker")
    ]


def test_the_loss_of_the_brokers_memory_is_noticed_at_once(
    rows: Rows, relay: Relay, queue: Queue, broker_url: str
) -> None:
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()

    assert relay.run_once() == 5  # although nothing was due
    assert queue.held("email") == set(ids)
    assert relay.run_once() == 0


def test_two_bridges_that_notice_the_loss_publish_everything_once(
    rows: Rows, engine: Engine, relay: Relay, queue: Queue, broker_url: str
) -> None:
    other = Relay(engine, Publications(engine), queue, high_water=1_000)
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    other.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    assert relay.run_once() == 5

    other._publications.all_due()  # the other one notices only now
    assert relay.run_once() == 0  # what it knows of the broker is from before it published
    assert other.run_once() == 0
    assert queue.depth("email") == len(ids)


def test_above_the_high_water_mark_nothing_is_added(rows: Rows, engine: Engine, queue: Queue) -> None:
    for _ in range(5):
        rows.pending(10)
    rows.run(DUE)
    small = Relay(engine, Publications(engine), queue, high_water=25)

    assert small.run_once() == 20
    rows.run(DUE)
    assert small.run_once() == 0

    assert queue.depth("email") == 20


def test_a_page_above_the_mark_leaves_when_the_queue_is_empty(rows: Rows, engine: Engine, queue: Queue) -> None:
    rows.pending(10)
    rows.run(DUE)
    assert Relay(engine, Publications(engine), queue, high_water=5).run_once() == 10


def test_retries_find_room_in_a_busy_queue(rows: Rows, engine: Engine, queue: Queue) -> None:
    ids = rows.pending(600)
    rows.attempts().decide([Change(id_, Status.PENDING, failed=True, delay=0.0, reason="busy") for id_ in ids])
    rows.run("DELETE FROM publications")
    queue.publish("email", {uuid.uuid4(): 0})  # somebody is always in it

    assert Relay(engine, Publications(engine), queue, high_water=300).run_once() == 250


def test_above_the_mark_the_queue_is_not_read_again_and_again(
    rows: Rows, engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.pending(10)
    rows.run(DUE)
    relay = Relay(engine, Publications(engine), queue, high_water=5)
    relay.run_once()
    reads, held = [], queue.held
    monkeypatch.setattr(queue, "held", lambda channel: reads.append(channel) or held(channel))
    for _ in range(5):
        rows.run(DUE)
        assert relay.run_once() == 0
    assert len(reads) == 1
    assert rows.one("SELECT due_at > now() + interval '20 s' AS rests FROM publications")["rests"]


def test_all_that_was_taken_is_due_soon_when_the_broker_fails(
    rows: Rows, relay: Relay, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        rows.pending(2)
    rows.run(DUE)

    def fail(*_: object) -> bool:
        raise BrokerError("the answer was lost")

    monkeypatch.setattr(queue, "publish", fail)
    with pytest.raises(BrokerError):
        relay.run_once()
    assert rows.one("SELECT max(due_at) < now() + interval '2 s' AS soon FROM publications")["soon"]


def test_a_broker_that_is_away_costs_only_time(rows: Rows, engine: Engine, relay: Relay, queue: Queue) -> None:
    rows.pending(3)
    rows.run(DUE)
    away = Queue("redis://127.0.0.1:1/0")
    with pytest.raises(BrokerError):
        Relay(engine, Publications(engine), away, high_water=10).run_once()
    away.close()

    rows.run(DUE)
    assert relay.run_once() == 3
    assert queue.depth("email") == 3


def test_a_due_retry_carries_its_count(rows: Rows, relay: Relay, broker_url: str) -> None:
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.PENDING, failed=True, delay=0.0, reason="route failed")])
    rows.run("DELETE FROM publications")

    assert relay.run_once() == 1

    with redis.Redis.from_url(broker_url) as client:
        message = client.lindex("notifier.email", 0)
        assert isinstance(message, bytes)
    assert b'"retries": 1' in message
    assert str(id_).encode() in message


def test_an_attempt_without_an_answer_becomes_unknown(rows: Rows, relay: Relay, queue: Queue) -> None:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Wanted(id_, "a@example.com")], 0)
    rows.run(DUE)

    assert relay.run_once() == 0

    assert rows.status(id_) is Status.UNKNOWN
    assert queue.depth("email") == 0
    assert rows.all("SELECT * FROM publications") == []  # nothing in it waits any more
