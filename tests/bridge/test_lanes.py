"""Each lane of a channel has a queue of its own, from the record to the broker, on real Postgres and Redis."""

from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Engine, text

from bridge.backlog import BackloggedQueues
from bridge.relay import Relay
from bridge.stream.intake import Intake
from notifier import Email, Event, route
from notifier.broker import Broker
from notifier.errors import RoutesError
from notifier.outbox import Partitions, Publications, Recording
from notifier.outbox.operator.gauges import read_gauges
from notifier.routes import Routes
from notifier.routes.declarations import routes_of
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows

DUE = "UPDATE publications SET due_at = now()"


def routes() -> Routes:
    @route(table="activity", match={"type": ["friend_request"]}, channel="email", lane="high")
    def urgent(event: Event) -> Email | None: ...

    @route(table="activity", match={"type": ["campaign"]}, channel="email", lane="low")
    def campaign(event: Event) -> Email | None: ...

    @route(table="activity", channel="email")
    def other(event: Event) -> Email | None: ...

    return Routes([*routes_of(urgent), *routes_of(campaign), *routes_of(other)])


@pytest.fixture
def redis_client(broker_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker_url) as client:
        yield client


@pytest.fixture
def publications(engine: Engine) -> Publications:
    return Publications(engine, lanes=routes().lanes)


@pytest.fixture
def backlogged() -> BackloggedQueues:
    return BackloggedQueues()


@pytest.fixture
def intake(engine: Engine, broker: Broker, publications: Publications, backlogged: BackloggedQueues) -> Intake:
    recording = Recording(engine, Partitions(engine))
    return Intake(recording, publications, broker, routes(), high_water=20, backlogged=backlogged)


@pytest.fixture
def relay(engine: Engine, broker: Broker, publications: Publications, backlogged: BackloggedQueues) -> Relay:
    return Relay(engine, publications, broker, high_water=20, backlogged=backlogged)


def take(intake: Intake, rows: Rows, first: int, **kinds: int) -> None:
    """Record a page with so many records of each type."""
    names = [name for name, count in kinds.items() for _ in range(count)]
    page = [record(number, type={"S": name}) for number, name in enumerate(names, first)]
    rows.checkpoint = intake.take(rows.lease, rows.checkpoint, page)


def depths(broker: Broker) -> dict[str, int]:
    return {name: broker.depth(name) for name in ("email:high", "email", "email:low")}


def test_each_lane_has_a_queue(intake: Intake, rows: Rows, broker: Broker) -> None:
    take(intake, rows, 1, friend_request=2, campaign=3, anything=4)
    assert depths(broker) == {"email:high": 2, "email": 4, "email:low": 3}


def test_a_backlog_of_low_stops_neither_normal_nor_high(
    intake: Intake, relay: Relay, rows: Rows, broker: Broker, backlogged: BackloggedQueues
) -> None:
    take(intake, rows, 1, campaign=20)
    take(intake, rows, 21, campaign=20)  # the queue is full: they are left to the relay
    assert backlogged.queues == {"email:low"}
    relay.run_once()
    take(intake, rows, 41, friend_request=5, anything=5, campaign=5)
    assert depths(broker) == {"email:high": 5, "email": 5, "email:low": 20}
    relay.run_once()
    assert depths(broker) == {"email:high": 5, "email": 5, "email:low": 20}


def test_what_the_broker_lost_returns_to_its_lane(
    intake: Intake, relay: Relay, rows: Rows, broker: Broker, redis_client: redis.Redis
) -> None:
    take(intake, rows, 1, friend_request=2, campaign=3, anything=4)
    redis_client.flushdb()
    rows.run(DUE)
    assert relay.run_once() == 9
    assert depths(broker) == {"email:high": 2, "email": 4, "email:low": 3}


def test_a_retry_returns_to_its_lane(
    intake: Intake, relay: Relay, rows: Rows, broker: Broker, publications: Publications, redis_client: redis.Redis
) -> None:
    take(intake, rows, 1, friend_request=2, campaign=3, anything=4)
    redis_client.flushdb()
    with rows.engine.begin() as connection:  # as finish writes it
        connection.execute(text("DELETE FROM publications"))
        connection.execute(text("INSERT INTO due SELECT notification_id, 'retry', 'email', now() FROM deliveries"))
    assert relay.run_once() == 9
    assert depths(broker) == {"email:high": 2, "email": 4, "email:low": 3}
    assert rows.one("SELECT count(*) AS n FROM due")["n"] == 0
    assert rows.balanced()


def test_a_publication_without_a_lane_is_of_the_normal_one(rows: Rows, relay: Relay, broker: Broker) -> None:
    """As bridges of an earlier version insert it."""
    rows.pending(3)
    rows.run(f"{DUE}, lane = NULL")
    assert relay.run_once() == 3
    assert broker.depth("email") == 3


def test_what_waits_is_counted_by_queue(intake: Intake, rows: Rows, engine: Engine) -> None:
    take(intake, rows, 1, friend_request=2, campaign=3, anything=4)
    gauges = read_gauges(engine)
    assert gauges.backlog == {"email:high": 2, "email": 4, "email:low": 3}
    assert gauges.oldest_seconds.keys() == gauges.backlog.keys()


def test_a_paused_channel_holds_all_its_lanes_back(
    intake: Intake,
    relay: Relay,
    rows: Rows,
    broker: Broker,
    publications: Publications,
    engine: Engine,
    redis_client: redis.Redis,
) -> None:
    take(intake, rows, 1, friend_request=2, campaign=3)
    redis_client.flushdb()
    rows.run(f"{DUE}, published_at = NULL")
    rows.run("INSERT INTO channels (channel, state) VALUES ('email', 'paused')")
    assert publications.queues_held_back() == {"email:high", "email:low"}
    assert relay.run_once() == 0
    rows.run("UPDATE channels SET state = 'running'")
    assert relay.run_once() == 5


@pytest.mark.parametrize("wrong", ["urgent", "", None, 1])
def test_a_lane_that_does_not_exist_is_refused(wrong: object) -> None:
    with pytest.raises(RoutesError, match="high, normal, low"):
        route(table="activity", channel="email", lane=wrong, name="x")(lambda event: None)  # type: ignore[arg-type]
