"""Three bridges as processes on a stream that splits under load, killed at random: each record is recorded once."""

import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.outbox import Report
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.streams import StreamsServer, streams_simulator
from sandbox.system import notifier_process
from tests.notifier.test_metrics import free_port, samples
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

SHARDS = 40
PER_ROUND = 400
ROUNDS = 10


class House:
    """Servers, and bridges that come and go."""

    def __init__(self, folder: Path, postgres: PostgresServer, broker: RedisServer, streams: StreamsServer) -> None:
        self._folder = folder
        self.streams = streams
        self.bridges: dict[str, Child] = {}
        self._started = 0
        self._environment = {
            "NOTIFIER_DATABASE_URL": postgres.url("notifier"),
            "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
            "NOTIFIER_BROKER_URL": broker.url,
            "NOTIFIER_AWS_ENDPOINT_URL": streams.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_TABLES": "activity",
            "NOTIFIER_ROUTES": "examples.notifications",
            "NOTIFIER_SHARD_LEASE_SECONDS": "5",
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
        }

    def start(self, **options: str) -> None:
        self._started += 1
        name = f"bridge-{self._started}"
        child = notifier_process(name, ["bridge"], self._folder, self._environment | options)
        self.bridges[name] = child

    def kill(self, rng: random.Random) -> None:
        self.bridges.pop(rng.choice(sorted(self.bridges))).stop(signal.SIGKILL)

    def open_shards(self) -> list[str]:
        shards = self.streams.get("truth?records=0")["shards"]
        return [shard["shard"] for shard in shards if not shard["closed"]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with (
        embedded_postgres(tmp_path, durable=False) as postgres,
        embedded_redis(tmp_path, durable=False) as broker,
        streams_simulator(tmp_path) as streams,
    ):
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        streams.post("tables", table="activity", shards=SHARDS)
        house = House(tmp_path, postgres, broker, streams)
        yield house
        for bridge in house.bridges.values():
            bridge.stop()


@pytest.fixture
def engine(house: House) -> Iterator[Engine]:
    engine = connect(house._environment["NOTIFIER_DATABASE_URL"])
    yield engine
    engine.dispose()


def test_three_bridges_forty_shards_splits_and_kills(house: House, engine: Engine) -> None:
    rng = random.Random(7)
    sql = Sql(engine)
    recorded = "SELECT coalesce(sum(records_read), 0) AS n FROM shards"
    for _ in range(3):
        house.start()

    written = 0
    for seed in range(ROUNDS):
        house.streams.post("put", table="activity", samples=PER_ROUND, seed=seed)
        written += PER_ROUND
        for shard in rng.sample(house.open_shards(), 3):
            house.streams.post(rng.choice(("split", "rotate")), shard=shard)
        wait_until(lambda goal=written // 2: sql.one(recorded)["n"] >= goal, seconds=60)  # type: ignore[misc]
        if seed % 3 == 1:
            house.kill(rng)
            house.start()

    truth = house.streams.get("truth")["records"]
    wait_until(lambda: sql.one(recorded)["n"] >= len(truth), seconds=60)
    kept = sql.all("SELECT s.shard_id, n.sequence_number FROM notifications n JOIN shards s ON s.id = n.shard")
    expected = Counter((record["shard"], record["sequence_number"]) for record in truth)
    assert Counter((row["shard_id"], row["sequence_number"]) for row in kept) == expected
    assert len(house.open_shards()) >= SHARDS
    assert Report(engine).gaps() == []
    shards, stranded = Report(engine).audit()
    assert all(shard["records_read"] == shard["notifications"] for shard in shards)
    assert stranded == []


ACTIVITY = {"NOTIFIER_TABLES": "activity", "NOTIFIER_ROUTES": "examples.notifications"}
ORDERS = {"NOTIFIER_TABLES": "orders", "NOTIFIER_ROUTES": "tests.bridge.orders"}
BOTH = {"NOTIFIER_TABLES": "activity,orders", "NOTIFIER_ROUTES": "tests.system.routes"}
RECORDED = "FROM notifications n JOIN shards s ON s.id = n.shard"
COUNTED = """
SELECT coalesce(sum(records_read), 0)::int AS read, coalesce(sum(records_unrouted), 0)::int AS unrouted,
       coalesce(sum(records_quarantined), 0)::int AS quarantined FROM shards
"""


def test_bridges_with_different_tables_under_splits_kills_and_a_rolling_change(house: House, engine: Engine) -> None:
    """Each bridge has the routes of its own tables only; one after the other is replaced by one with other tables."""
    rng = random.Random(11)
    sql = Sql(engine)
    house.streams.post("tables", table="orders", shards=8)
    for options in (ACTIVITY, ACTIVITY, ORDERS):
        house.start(**options)

    written = 0
    for number, then in enumerate((None, ORDERS, BOTH, None, BOTH, ACTIVITY, None)):
        house.streams.post("put", table="activity", samples=100, seed=number)
        orders = [{"pk": f"order#{number}#{each}", "sk": "1"} for each in range(100)]
        house.streams.post("put", table="orders", items=orders)
        written += 200
        for shard in rng.sample(house.open_shards(), 4):
            house.streams.post(rng.choice(("split", "rotate")), shard=shard)
        wait_until(lambda goal=written // 2: sql.one(COUNTED)["read"] >= goal, seconds=60)  # type: ignore[misc]
        if then is not None:
            oldest = min(house.bridges, key=lambda name: int(name.rpartition("-")[2]))
            house.bridges.pop(oldest).stop(rng.choice((signal.SIGKILL, signal.SIGTERM)))
            house.start(**then)

    truth = house.streams.get("truth")["records"]
    wait_until(lambda: sql.one(COUNTED)["read"] >= len(truth), seconds=60)
    assert sql.one(COUNTED) == {"read": len(truth), "unrouted": 0, "quarantined": 0}
    kept = sql.all(f"SELECT s.shard_id, n.sequence_number, n.table_name, n.route {RECORDED}")
    expected = Counter((record["shard"], record["sequence_number"]) for record in truth)
    assert Counter((row["shard_id"], row["sequence_number"]) for row in kept) == expected
    assert all((row["route"] == "order_placed") == (row["table_name"] == "orders") for row in kept)
    assert Report(engine).gaps() == []
    assert Report(engine).audit()[1] == []


def test_a_killed_bridges_shards_are_taken_over_and_shared(house: House, engine: Engine) -> None:
    sql = Sql(engine)
    owners = "SELECT owner, count(*) AS n FROM shards WHERE lease_until > now() GROUP BY owner"
    house.start()
    wait_until(lambda: [row["n"] for row in sql.all(owners)] == [SHARDS], seconds=30)
    house.start()
    wait_until(lambda: sorted(row["n"] for row in sql.all(owners)) == [SHARDS // 2] * 2, seconds=40)

    house.kill(random.Random(1))

    wait_until(lambda: [row["n"] for row in sql.all(owners)] == [SHARDS], seconds=20)


def test_a_bridge_shows_its_metrics(house: House) -> None:
    port = free_port()
    house.streams.post("put", table="activity", samples=200)
    house.streams.add_faults({"kind": "throttle", "times": 3, "match": {"operation": "GetRecords"}})
    house.start(NOTIFIER_METRICS_PORT=str(port))

    wait_until(lambda: _answers(port), seconds=30)
    wait_until(lambda: samples(port).get(("notifier_stream_records_total", "notified")) == 200, seconds=30)
    found = wait_until(lambda: _with(port, ("notifier_publishes_total", "email", "recorded")))
    assert found[("notifier_stream_errors_total", "Throttled")] == 3
    assert found[("notifier_outbox_backlog", "email")] == 200
    assert found[("notifier_stream_shards",)] == SHARDS


def test_a_bridge_shows_a_zero_for_what_does_not_wait(house: House) -> None:
    """The normal lane, too, although no route has it: an alarm on `email` must not go off for want of a series."""
    port = free_port()
    for table in ("logins", "offers"):
        house.streams.post("tables", table=table, shards=1)
    routes = {"NOTIFIER_TABLES": "logins,offers", "NOTIFIER_ROUTES": "examples.campaign.notifications"}
    house.start(**routes, NOTIFIER_METRICS_PORT=str(port))

    wait_until(lambda: _answers(port), seconds=30)
    found = samples(port)
    for metric in ("notifier_outbox_backlog", "notifier_outbox_oldest_seconds"):
        assert {key[1]: value for key, value in found.items() if key[0] == metric} == {
            "email:high": 0, "email": 0, "email:low": 0
        }  # fmt: skip


def _answers(port: int) -> bool:
    try:
        return bool(samples(port))
    except OSError:
        return False


def _with(port: int, wanted: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    found = samples(port)
    return found if found.get(wanted) == 200 else {}
