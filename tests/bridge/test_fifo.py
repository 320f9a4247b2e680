"""Under overload the oldest row leaves first: pages come at twice the rate at which workers take messages.

Time is counted in ticks: in each the intake records pages, relays make a pass, and workers take what they can.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from uuid import UUID

import pytest
import redis
from sqlalchemy import Engine

from bridge.backlog import BackloggedQueues
from bridge.relay import Relay
from bridge.stream import intake as intake_module
from bridge.stream.intake import Intake
from notifier.broker import Broker, queue_name
from notifier.broker.broker import _ids
from notifier.outbox import Partitions, Publications, Recording, ShardLease
from notifier.routes import Routes
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows

ROOM = 60
CAPACITY = 20
"""Messages that the workers take in a tick; each of the bridges records so many rows in a tick."""
TICKS = 30


class SomeBridge:
    """Intake and relay of one bridge, on a shard of its own."""

    def __init__(self, engine: Engine, broker: Broker, routes: Routes, number: int) -> None:
        publications, self._backlogged = Publications(engine, look_again=60.0), BackloggedQueues()
        outbox = Recording(engine, Partitions(engine))
        self._intake = Intake(outbox, publications, broker, routes, ROOM, backlogged=self._backlogged)
        self._lease: ShardLease = Rows(engine, f"shardId-{number}").lease
        self._checkpoint: str | None = None
        self.relay = Relay(engine, publications, broker, ROOM, backlogged=self._backlogged)

    def take(self, numbers: Sequence[int]) -> None:
        self._checkpoint = self._intake.take(self._lease, self._checkpoint, [record(n) for n in numbers])


class Environment:
    def __init__(self, engine: Engine, broker: Broker, broker_url: str, routes: Routes, bridges: int) -> None:
        self.rows = Rows(engine, "shardId-0")
        self.redis = redis.Redis.from_url(broker_url)
        self.bridges = [SomeBridge(engine, broker, routes, number + 1) for number in range(bridges)]
        self.arrived: dict[UUID, int] = {}
        self._numbers = count(1)

    def tick(self, now: int, share: int) -> None:
        """Each bridge records `share` rows, and makes a pass of its relay; then the workers take their messages."""
        for bridge in self.bridges:
            for _ in range(share // 5):
                bridge.take([next(self._numbers) for _ in range(5)])
            bridge.relay.run_once()
        for row in self.rows.all("SELECT notification_id AS id FROM deliveries WHERE status = 'pending'"):
            self.arrived.setdefault(row["id"], now)
        taken = self.redis.rpop(queue_name("email"), CAPACITY) or []
        ids = list(_ids(taken))  # type: ignore[arg-type]
        self.rows.run("UPDATE deliveries SET status = 'sent' WHERE notification_id = ANY(:ids)", ids=ids)

    def overloaded(self, ticks: int) -> None:
        """Run so many ticks at twice the capacity."""
        for now in range(1, ticks + 1):
            self.tick(now, share=2 * CAPACITY // len(self.bridges))

    def oldest(self) -> int:
        """Return the tick in which the oldest waiting row was recorded."""
        rows = self.rows.all("SELECT notification_id AS id FROM deliveries WHERE status = 'pending'")
        return min(self.arrived[row["id"]] for row in rows)


@pytest.mark.parametrize("bridges", [1, 2])
def test_under_overload_the_oldest_row_waits_no_longer_than_in_a_queue(
    engine: Engine, broker: Broker, broker_url: str, routes: Routes, bridges: int
) -> None:
    environment = Environment(engine, broker, broker_url, routes, bridges)
    environment.overloaded(TICKS)
    in_a_queue = TICKS - TICKS * CAPACITY // (2 * CAPACITY)
    assert (TICKS - environment.oldest()) <= 1.2 * in_a_queue
    assert int(environment.redis.llen(queue_name("email"))) <= ROOM


def test_when_the_backlog_is_gone_the_bridge_publishes_directly_again(
    engine: Engine, broker: Broker, broker_url: str, routes: Routes
) -> None:
    environment = Environment(engine, broker, broker_url, routes, bridges=1)
    (bridge,) = environment.bridges
    environment.overloaded(ticks=5)
    assert bridge._backlogged.queues == {"email"}
    for now in range(6, 30):
        environment.tick(now, share=0)
    assert bridge._backlogged.queues == frozenset()
    bridge.take([10_000])
    assert broker.depth("email") == 1  # without the relay


@pytest.mark.parametrize(
    ("room", "most", "calls", "published"),
    [
        (600, 2_500, [600], 600),
        (599, 2_500, [250, 250, 100], 500),
        (60, 2_500, [250, 250], 250),
        (600, 599, [250, 250, 100], 600),
    ],
    ids=["all fit", "all but the last fit", "an empty queue takes any one", "more than a call may have"],
)
def test_the_publications_of_a_page_are_one_call_if_the_queue_has_room_for_all(
    engine: Engine,
    broker: Broker,
    routes: Routes,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    most: int,
    calls: list[int],
    published: int,
) -> None:
    made, publish = [], broker.publish

    def count_ids(channel: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool:
        made.append(len(retries))
        return publish(channel, retries, high_water)

    monkeypatch.setattr(broker, "publish", count_ids)
    monkeypatch.setattr(intake_module, "_MOST_TOGETHER", most)
    rows, publications = Rows(engine, "shardId-1"), Publications(engine)
    intake = Intake(Recording(engine, Partitions(engine)), publications, broker, routes, room)
    intake.take(rows.lease, None, [record(n) for n in range(1, 601)])
    intake.mark_published()

    assert (made, broker.depth("email")) == (calls, published)
    left = rows.all("SELECT cardinality(notification_ids) AS n FROM publications WHERE published_at IS NULL")
    assert sum(row["n"] for row in left) == 600 - published


def test_a_channel_that_is_paused_with_unpublished_rows_is_left_to_the_relay(
    engine: Engine, broker: Broker, broker_url: str, routes: Routes
) -> None:
    environment = Environment(engine, broker, broker_url, routes, bridges=1)
    (bridge,) = environment.bridges
    environment.overloaded(ticks=5)
    environment.rows.run("INSERT INTO channels (channel, state) VALUES ('email', 'paused')")
    environment.redis.flushdb()
    bridge.relay.run_once()
    bridge.relay.run_once()
    bridge.take([10_000])
    assert broker.depth("email") == 0
    environment.rows.run("DELETE FROM channels")
    bridge.relay.run_once()
    assert broker.depth("email") > 0


def test_what_a_broker_did_not_take_leaves_before_what_comes_later(
    engine: Engine, broker: Broker, broker_url: str, routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.broker import BrokerError

    environment = Environment(engine, broker, broker_url, routes, bridges=1)
    (bridge,) = environment.bridges

    def fail(*_: object) -> bool:
        raise BrokerError("away")

    with monkeypatch.context() as patch:
        patch.setattr(broker, "publish", fail)
        bridge.take([1])
    bridge.take([2])  # still resting: due for the relay at once
    due = environment.rows.all("SELECT due_at <= now() AS due FROM publications ORDER BY id")
    assert [row["due"] for row in due] == [False, True]
