import uuid
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import redis
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge import relay as relaying
from bridge.backlog import BackloggedQueues
from bridge.missing import MissingMessages, fitting
from bridge.relay import RELAY_SECONDS, Relay
from notifier.broker import Broker, BrokerError, BrokerRefused, queue_name
from notifier.notifications import Status
from notifier.outbox import Change, Publication, Publications, Recipient
from notifier.process.loops import NextIn
from tests.outbox.rows import Rows

DUE = "UPDATE publications SET due_at = now()"


@pytest.fixture
def relay(engine: Engine, broker: Broker) -> Relay:
    return Relay(engine, Publications(engine), broker, high_water=1_000)


def test_what_the_bridge_did_not_publish_is_published(rows: Rows, relay: Relay, broker: Broker) -> None:
    ids = rows.pending(5)
    assert relay.run_once() == 0  # the bridge has its grace
    rows.run(DUE)
    assert relay.run_once() == 5
    assert broker.held("email") == set(ids)


def test_a_backlog_does_not_multiply(rows: Rows, relay: Relay, broker: Broker) -> None:
    rows.pending(5)
    for _ in range(4):
        rows.run(DUE)
        relay.run_once()
    assert broker.depth("email") == 5


def test_a_message_that_a_worker_has_taken_is_not_published_again(
    rows: Rows, relay: Relay, broker: Broker, broker_url: str
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
    assert broker.held("email") == {id_}


def test_what_the_broker_lost_is_published_again(rows: Rows, relay: Relay, broker: Broker, broker_url: str) -> None:
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    rows.run(DUE)

    assert relay.run_once() == 5
    assert broker.held("email") == set(ids)


def test_a_message_that_a_worker_left_to_the_relay_is_no_loss(
    rows: Rows, relay: Relay, broker: Broker, broker_url: str
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
    rows: Rows, relay: Relay, broker: Broker, broker_url: str
) -> None:
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()

    assert relay.run_once() == 5  # although nothing was due
    assert broker.held("email") == set(ids)
    assert relay.run_once() == 0


def test_two_bridges_that_notice_the_loss_publish_everything_once(
    rows: Rows, engine: Engine, relay: Relay, broker: Broker, broker_url: str
) -> None:
    other = Relay(engine, Publications(engine), broker, high_water=1_000)
    ids = rows.pending(5)
    rows.run(DUE)
    relay.run_once()
    other.run_once()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    assert relay.run_once() == 5

    other._publications.make_all_due()  # the other one notices only now
    assert relay.run_once() == 0  # what it knows of the broker is from before it published
    assert other.run_once() == 0
    assert broker.depth("email") == len(ids)


def test_above_the_high_water_mark_nothing_is_added(rows: Rows, engine: Engine, broker: Broker) -> None:
    for _ in range(5):
        rows.pending(10)
    rows.run(DUE)
    small = Relay(engine, Publications(engine), broker, high_water=25)

    assert small.run_once() == 20
    rows.run(DUE)
    assert small.run_once() == 0

    assert broker.depth("email") == 20


def test_a_page_above_the_mark_leaves_when_the_queue_is_empty(rows: Rows, engine: Engine, broker: Broker) -> None:
    rows.pending(10)
    rows.run(DUE)
    assert Relay(engine, Publications(engine), broker, high_water=5).run_once() == 10


def test_retries_find_room_in_a_busy_queue(rows: Rows, engine: Engine, broker: Broker) -> None:
    ids = rows.pending(600)
    rows.attempts().decide([Change(id_, Status.PENDING, failed=True, delay=0.0, reason="busy") for id_ in ids])
    rows.run("DELETE FROM publications")
    broker.publish("email", {uuid.uuid4(): 0})  # somebody is always in it

    assert Relay(engine, Publications(engine), broker, high_water=300).run_once() == 250


def test_above_the_mark_the_queue_is_not_read_again_and_again(
    rows: Rows, engine: Engine, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.pending(10)
    rows.run(DUE)
    relay = Relay(engine, Publications(engine), broker, high_water=5)
    relay.run_once()
    reads, held = [], broker.held
    monkeypatch.setattr(broker, "held", lambda channel: reads.append(channel) or held(channel))
    rows.run("UPDATE publications SET published_at = now() - interval '2 s'")  # a look from after that will do
    for _ in range(5):
        rows.run(DUE)
        assert relay.run_once() == 0
    assert len(reads) == 1
    assert rows.one("SELECT due_at > now() + interval '20 s' AS rests FROM publications")["rests"]


def test_all_that_was_taken_is_due_soon_when_the_broker_fails(
    rows: Rows, relay: Relay, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        rows.pending(2)
    rows.run(DUE)

    def fail(*_: object) -> bool:
        raise BrokerError("the answer was lost")

    monkeypatch.setattr(broker, "publish", fail)
    with pytest.raises(BrokerError):
        relay.run_once()
    assert rows.one("SELECT max(due_at) < now() + interval '2 s' AS soon FROM publications")["soon"]


def test_a_broker_that_is_away_costs_only_time(rows: Rows, engine: Engine, relay: Relay, broker: Broker) -> None:
    rows.pending(3)
    rows.run(DUE)
    away = Broker("redis://127.0.0.1:1/0")
    with pytest.raises(BrokerError):
        Relay(engine, Publications(engine), away, high_water=10).run_once()
    away.close()

    rows.run(DUE)
    assert relay.run_once() == 3
    assert broker.depth("email") == 3


def test_a_due_retry_carries_its_count(rows: Rows, relay: Relay, broker_url: str) -> None:
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.PENDING, failed=True, delay=0.0, reason="route failed")])
    rows.run("DELETE FROM publications")

    assert relay.run_once() == 1

    with redis.Redis.from_url(broker_url) as client:
        message = client.lindex("notifier.email", 0)
        assert isinstance(message, bytes)
    assert b'"retries":1,' in message
    assert str(id_).encode() in message


def test_an_attempt_without_an_answer_becomes_unknown(rows: Rows, relay: Relay, broker: Broker) -> None:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, "a@example.com")], 0)
    rows.run(DUE)

    assert relay.run_once() == 0

    assert rows.status(id_) is Status.UNKNOWN
    assert broker.depth("email") == 0
    assert rows.all("SELECT * FROM publications") == []  # nothing in it waits any more


def texts(rows: Rows, count: int = 1) -> None:
    """Record deliveries of the channel `sms`."""
    first = int(rows.checkpoint or 0) + 1
    page = rows.page(range(first, first + count))
    rows.record(replace(page, notifications=[replace(each, channel="sms") for each in page.notifications]))


def restricted(broker_url: str, client: redis.Redis, *keys: str) -> Broker:
    """Return a queue whose Redis user may use these keys only."""
    client.execute_command(
        "ACL", "SETUSER", "some", "on", ">secret", "+@all", "resetkeys", *(f"~{key}" for key in keys)
    )
    parts = urlsplit(broker_url)
    return Broker(parts._replace(netloc=f"some:secret@{parts.hostname}:{parts.port}").geturl())


@pytest.mark.parametrize("refusal", ["WRONGTYPE", "NOPERM"])
def test_a_channel_that_redis_refuses_stops_no_other(
    rows: Rows, engine: Engine, broker: Broker, broker_url: str, refusal: str
) -> None:
    backlogged = BackloggedQueues()
    with redis.Redis.from_url(broker_url) as client:
        used = broker
        if refusal == "WRONGTYPE":
            client.set(queue_name("email"), "of another application")
        else:
            used = restricted(broker_url, client, queue_name("sms"), "notifier:generation", "unacked")
        relay = Relay(engine, Publications(engine), used, high_water=1_000, backlogged=backlogged)
        rows.pending(3)
        texts(rows, 2)
        rows.run(DUE)
        backlogged.add(["email", "sms"])
        with pytest.raises(BrokerRefused, match=r"no permissions|wrong kind"):
            relay.run_once()
        assert broker.depth("sms") == 2
        assert backlogged.queues == {"email"}

        client.delete(queue_name("email"))
        client.execute_command("ACL", "SETUSER", "some", "allkeys")
        rows.run(DUE)
        assert relay.run_once() == 3
        assert backlogged.queues == frozenset()
        client.execute_command("ACL", "DELUSER", "some")


def test_a_loop_goes_on_for_the_other_channels_at_its_pace(
    rows: Rows, relay: Relay, broker: Broker, broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused publishing is tried less and less often, and logged once a minute."""
    with redis.Redis.from_url(broker_url) as client:
        client.set(queue_name("email"), "of another application")
        for number in range(5):
            rows.pending()
            texts(rows)
            rows.run(DUE if number != 3 else f"{DUE} WHERE channel = 'sms'")
            assert relay.run_pass() == NextIn(RELAY_SECONDS)
        assert broker.depth("sms") == 5
        client.delete(queue_name("email"))
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert "messages of the queue email" in caplog.text
    relay._refusals["email"]._until = 0.0
    rows.run("UPDATE publications SET due_at = now() + interval '1 h' WHERE channel = 'email'")
    relay.run_pass()
    assert "email" in relay._refusals  # nothing was due
    rows.run(DUE)
    relay.run_pass()
    assert (broker.depth("email"), relay._refusals) == (5, {})


@pytest.mark.parametrize("key", ["notifier:generation", "unacked"])
def test_a_question_that_redis_refuses_holds_up_nothing_new(
    rows: Rows, relay: Relay, broker: Broker, broker_url: str, key: str
) -> None:
    """The check for lost messages, and the reading of what the broker holds of rows that were published before."""
    rows.pending(2)
    rows.run(DUE)
    relay.run_once()
    rows.pending(3)
    rows.run(DUE)
    with redis.Redis.from_url(broker_url) as client:
        client.delete(key)
        client.rpush(key, "of another application")
        with pytest.raises(BrokerRefused):
            relay.run_once()
        assert broker.depth("email") == 5
        client.delete(key)


def test_a_redis_that_does_not_answer_is_not_asked_for_each_channel(
    rows: Rows, engine: Engine, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlogged, asked = BackloggedQueues(), []

    def hang(channel: str, *_: object) -> bool:
        asked.append(channel)
        raise BrokerError("no answer within 3 seconds")

    rows.pending()
    texts(rows)
    rows.run(DUE)
    relay = Relay(engine, Publications(engine), broker, high_water=1_000, backlogged=backlogged)
    monkeypatch.setattr(broker, "publish", hang)
    for _ in range(2):
        rows.run(DUE)
        with pytest.raises(BrokerError):
            relay.run_pass()
        assert backlogged.queues == {"email", "sms"}
    assert asked == ["email", "sms"]  # each comes first in its turn


def test_a_pass_ends_while_rows_keep_coming(
    rows: Rows, engine: Engine, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While bridges record faster than the relay publishes, leases must be ended and other channels served."""
    monkeypatch.setattr(relaying, "PASS_SECONDS", 0.0)
    publications, backlogged = Publications(engine), BackloggedQueues()
    relay = Relay(engine, publications, broker, high_water=1_000, backlogged=backlogged)
    take_due, takes = publications.take_due, []

    def take(channel: str, limit: int) -> list[Publication]:
        taken = take_due(channel, limit)
        takes.append(channel)
        assert len(takes) < 20
        if channel == "email":
            for _ in range(10):
                rows.pending()
            rows.run("UPDATE publications SET due_at = now() WHERE published_at IS NULL AND channel = 'email'")
        return taken

    monkeypatch.setattr(publications, "take_due", take)
    for _ in range(10):
        rows.pending()
    texts(rows)
    rows.run(DUE)
    backlogged.add(["email", "sms"])
    assert relay.run_pass() == NextIn(0.0)
    assert takes == ["email", "sms"]
    assert backlogged.queues == {"email"}
    assert broker.depth("sms") == 1


def test_a_batch_is_one_push_and_one_statement(
    rows: Rows, relay: Relay, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [each for _ in range(10) for each in rows.pending(3)]
    rows.run(DUE)
    pushes, publish = [], broker.publish

    def count(channel: str, retries: dict[uuid.UUID, int], high_water: int) -> bool:
        pushes.append(list(retries))
        return publish(channel, retries, high_water)

    monkeypatch.setattr(broker, "publish", count)
    assert relay.run_once() == 30
    assert pushes == [ids]  # the oldest first
    kept = rows.all("SELECT notification_ids FROM publications WHERE published_at IS NOT NULL ORDER BY id")
    assert [id_ for row in kept for id_ in row["notification_ids"]] == ids


@pytest.mark.parametrize(
    ("sizes", "depth", "fit"),
    [
        ([], 0, 0),
        ([10, 10, 10], 0, 2),
        ([10, 10, 10], 5, 2),
        ([10, 10, 10], 6, 1),
        ([10, 10, 10], 20, 0),
        ([30, 1], 0, 1),  # an empty queue takes any number
        ([30, 1], 1, 0),
        ([0, 0, 10], 30, 2),  # nothing is missing of these
        ([0, 30, 1], 0, 2),
    ],
)
def test_what_fits_in_the_queue(sizes: list[int], depth: int, fit: int) -> None:
    lacking = [
        MissingMessages(Publication(number, "email", None, {}), {uuid.uuid4(): 0 for _ in range(size)})
        for number, size in enumerate(sizes)
    ]
    assert fitting(lacking, depth, 25) == lacking[:fit]
