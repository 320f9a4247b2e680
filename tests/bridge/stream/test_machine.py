"""Bridges that crash, pause, steal and read again, over a model of DynamoDB Streams and real Postgres.

Time is virtual on both sides: the model's clock and the database's now() move together.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from bridge.alarms.views import ViewWatch
from bridge.stream.discovery import ShardDiscovery
from bridge.stream.intake import Intake
from bridge.stream.leases import Leases
from bridge.stream.page import RecordPage
from bridge.stream.prefetch import Prefetcher
from bridge.stream.reader import ShardReader
from bridge.stream.tree import ShardTree
from notifier.database.engine import connect
from notifier.errors import LeaseLost
from notifier.outbox import Discovery, Partitions, Publications, Recording, Report, ShardLease
from notifier.routes import Routes, route, routes_of
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel
from simulators.streams.truth import records as truth_of
from tests.conftest import GivenPostgres, administer
from tests.simulators.streams.in_process import InProcessStreams

START = 1_790_000_000.0
TTL = 15.0
DAY = 24 * 3600.0
KEPT = text("""
SELECT s.shard_id, n.sequence_number AS number, array_agg(n.route ORDER BY n.route) AS routes,
       min(convert_from(n.record, 'utf8')::json #>> '{dynamodb,NewImage,kind,S}') AS kind
FROM notifications n JOIN shards s ON s.id = n.shard GROUP BY s.shard_id, n.sequence_number
""")
FAULTS = ["throttle", "error", "cut", "lost", "expired", "empty", "trimmed"]  # trimmed for no reason: read all again


@route(table="activity", on=["INSERT", "MODIFY"], match={"kind": ["told"]}, channel="email")
def told(event: object) -> None: ...


@route(
    table="activity", on=["INSERT", "MODIFY"], match={"kind": ["told", "shared"]}, channel="email", exclusive=False
)
def beside(event: object) -> None: ...


ROUTES = Routes([*routes_of(beside), *routes_of(told)])
CLAIMS = {"told": ["beside", "told"], "shared": ["beside"]}
"""The routes that claim a record, by the kind of its item."""


class FullBroker:
    """A broker that is always full: this test publishes nothing."""

    def publish(self, *_: object) -> bool:
        return False


class Spoiling(InProcessStreams):
    """Makes the records of items of the kind `spoilt` unreadable, always in the same way."""

    def records(self, iterator: str) -> RecordPage:
        page = super().records(iterator)
        for record in page.records:
            if record["dynamodb"].get("NewImage", {}).get("kind") == {"S": "spoilt"}:
                record["eventName"] = "?"
        return page


Recorded = list[tuple[str, str]]


class Logged(Intake):
    """Keeps what was recorded, in the order of the commits."""

    def __init__(self, log: Recorded, outbox: Recording, engine: Engine) -> None:
        super().__init__(outbox, Publications(engine), FullBroker(), ROUTES, high_water=1)  # type: ignore[arg-type]
        self._log = log

    def take(self, lease: ShardLease, checkpoint: str | None, records: Sequence[dict[str, Any]]) -> str | None:
        after = super().take(lease, checkpoint, records)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        self._log += [(lease.shard_id, number) for number in numbers if int(number) > int(checkpoint or -1)]
        return after


class SomeBridge:
    """What one bridge does, step by step."""

    def __init__(self, number: int, machine: "Bridges") -> None:
        self.leases = Leases(machine.engine, f"bridge-{number}", TTL, ["activity"])
        self.readers: dict[int, ShardReader] = {}
        self._machine = machine

    def discover(self) -> None:
        machine = self._machine
        views, discovery = ViewWatch(machine.source, ROUTES), Discovery(machine.engine)
        ShardDiscovery(["activity"], machine.source, machine.tree, views, discovery).run_once()  # type: ignore[arg-type]

    def take(self, *, steal: bool) -> None:
        leases = self.leases.steal(10) if steal else self.leases.acquire(3)
        machine = self._machine
        for lease in leases:
            self.readers[lease.shard] = ShardReader(
                lease, machine.source, machine.intake, machine.tree, machine.prefetcher, gone_seconds=0.0
            )

    def poll(self, turn: int | None = None) -> None:
        """Poll all of its shards, or only one."""
        held = list(self.readers.items())
        for shard, reader in held if turn is None or not held else [held[turn % len(held)]]:
            try:
                wait = reader.poll()
            except LeaseLost:
                wait = None
                self.leases.release([reader.lease])
            if wait is None:
                del self.readers[shard]

    def renew(self) -> None:
        held = self.leases.renew([reader.lease for reader in self.readers.values()], {})
        self.readers = {shard: reader for shard, reader in self.readers.items() if shard in held}


class Bridges(RuleBasedStateMachine):
    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.model = StreamsModel(clock=Clock(lambda: START))
        self.source = Spoiling(self.model)
        self.tree = ShardTree(self.engine)
        self.log: Recorded = []
        self.intake = Logged(self.log, Recording(self.engine, Partitions(self.engine)), self.engine)
        self.prefetcher = Prefetcher(1)
        self.written = self.bridges_so_far = 0
        self.trimmed = False
        self._clean()
        self.bridges = [self._bridge() for _ in range(3)]

    @initialize(shards=st.integers(1, 3), padded=st.booleans())
    def table(self, shards: int, padded: bool) -> None:
        self.model.behaviour = self.model.behaviour.changed({"padded": padded})
        self.model.create_table("activity", shards)
        self.bridges[0].discover()  # a bridge was there from the first

    @rule(count=st.integers(1, 8), kinds=st.sampled_from(["told", "told", "shared", "other", "spoilt"]))
    def put(self, count: int, kinds: str) -> None:
        for _ in range(count):
            self.written += 1
            key = f"user#{self.written % 5}"
            self.model.put("activity", [{"pk": key, "sk": "1", "kind": kinds, "n": self.written}])

    @rule(which=st.integers(0, 20), split=st.booleans())
    def reshard(self, which: int, split: bool) -> None:
        shards = [shard for shard in self._shards() if not shard["closed"]]
        change = self.model.split if split else self.model.rotate
        change(shards[which % len(shards)]["shard"], shards[0]["stream"])

    @rule(shards=st.integers(1, 3))
    def switch_off_and_on(self, shards: int) -> None:
        """Another stream follows; the rest of the old one must be read first."""
        self.model.disable("activity")
        self._advance(1.0)
        self.model.enable("activity", shards=shards)

    @rule(which=st.integers(0, 2))
    def discover(self, which: int) -> None:
        self.bridges[which].discover()

    @rule(which=st.integers(0, 2), steal=st.booleans())
    def take(self, which: int, steal: bool) -> None:
        self.bridges[which].take(steal=steal)

    @rule(which=st.integers(0, 2), turn=st.none() | st.integers(0, 5))
    def poll(self, which: int, turn: int | None) -> None:
        self.bridges[which].poll(turn)

    @rule(which=st.integers(0, 2))
    def renew(self, which: int) -> None:
        self.bridges[which].renew()

    @rule(which=st.integers(0, 2))
    def crash(self, which: int) -> None:
        self.bridges[which] = self._bridge()

    @rule(seconds=st.sampled_from([1.0, TTL + 1, 16 * 60.0]))
    def pause(self, seconds: float) -> None:
        """Pause, also for longer than leases and iterators last."""
        self._advance(seconds)

    @precondition(lambda self: self.written > 3)
    @rule()
    def pause_for_a_day(self) -> None:
        self.trimmed = True
        self._advance(DAY + 3600)

    @rule(kind=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def fault(self, kind: str, times: int) -> None:
        self.source.plan.add([{"kind": kind, "times": times}])

    def teardown(self) -> None:
        try:
            if self.bridges_so_far and self.model.account.tables:
                self._drain()
                self._check()
        finally:
            self.prefetcher.close()

    def _drain(self) -> None:
        """End all faults and all bridges but one; read what can still be read."""
        self.source.plan.clear()
        self._advance(TTL + 1)
        last = self._bridge()
        generations = len(self._shards()) + 3
        for number in range(generations + 60):
            last.discover()
            last.take(steal=False)
            last.poll()
            last.renew()
            if number >= generations and not any(record["readable"] for record in self._unread()):
                return
        raise AssertionError(f"something is never read: {self._unread()}")

    def _check(self) -> None:
        truth = list(truth_of(self.model.account))
        places = [(record["shard"], record["sequence_number"]) for record in truth]
        recorded = Counter(self.log)
        assert not {place for place, times in recorded.items() if times > 1}, "recorded twice"
        assert recorded.keys() <= set(places)
        lost = [record for record, place in zip(truth, places, strict=True) if place not in recorded]
        assert all(record["state"] != "readable" for record in lost), "missed"
        gaps = {gap["shard_id"] for gap in Report(self.engine).gaps()}
        seen = self._streams_seen()
        assert all(self._is_in_a_gap(record["shard"], gaps) for record in lost if record["stream"] in seen), (
            "in silence"
        )
        assert self.trimmed or not gaps
        kept = self._kept()
        assert kept.keys() <= set(self.log)  # as the text that came
        assert all(routes == CLAIMS[kind] for kind, routes in kept.values()), "not one for each route that claims it"
        shards, _ = Report(self.engine).audit()
        assert sum(shard["notified"] for shard in shards) == len(kept)
        assert sum(shard["notifications"] for shard in shards) == sum(len(routes) for _, routes in kept.values())
        assert sum(shard["records_read"] for shard in shards) == len(self.log)
        assert all(
            shard["records_read"] == shard["notified"] + shard["records_unrouted"] + shard["quarantine"]
            for shard in shards
        )
        self._check_order(truth)

    def _is_in_a_gap(self, shard: str, gaps: set[str]) -> bool:
        """Return whether a gap covers the shard: its own, or that of a descendant, as only the last of several unseen
        generations is known. Of a stream that is gone only the first is.
        """
        parents = {each["shard"]: each["parent"] for each in self._shards()}
        gone = next(not each["listed"] for each in reversed(self._shards()) if each["shard"] == shard)
        before = lineage(shard, parents) if gone else ()
        return shard in gaps or any(shard in lineage(gap, parents) for gap in gaps) or not gaps.isdisjoint(before)

    def _check_order(self, truth: Sequence[Mapping[str, Any]]) -> None:
        """Each item's changes are recorded in the order in which they happened."""
        created = {(each["shard"], each["sequence_number"]): each for each in truth}
        ancestors = {shard["shard"]: shard["parent"] for shard in self._shards()}
        streams = {shard["shard"]: shard["stream"] for shard in self._shards()}
        by_key: dict[str, Recorded] = defaultdict(list)
        for place in self.log:
            by_key[str(created[place]["key"])].append(place)
        for places in by_key.values():
            for (shard, number), (later_shard, later_number) in pairwise(places):
                if shard == later_shard:
                    assert int(number) < int(later_number)
                elif streams[shard] == streams[later_shard]:
                    assert shard in lineage(later_shard, ancestors)
                else:
                    assert streams[shard] < streams[later_shard]

    def _unread(self) -> list[dict[str, Any]]:
        recorded = set(self.log)
        return [
            {**record, "readable": record["state"] == "readable"}
            for record in truth_of(self.model.account)
            if (record["shard"], record["sequence_number"]) not in recorded
        ]

    def _kept(self) -> dict[tuple[str, str], tuple[str, list[str]]]:
        """Return the kind and the routes of each record that has notifications."""
        with self.engine.connect() as connection:
            return {(row.shard_id, row.number): (row.kind, row.routes) for row in connection.execute(KEPT)}

    def _streams_seen(self) -> set[str]:
        """Return the streams with a row. One that came and went while no bridge listed for a day leaves no trace."""
        with self.engine.connect() as connection:
            return set(connection.execute(text("SELECT arn FROM streams")).scalars())

    def _shards(self) -> list[dict[str, Any]]:
        from simulators.streams.truth import shards

        return shards(self.model.account)

    def _bridge(self) -> SomeBridge:
        self.bridges_so_far += 1
        return SomeBridge(self.bridges_so_far, self)

    def _advance(self, seconds: float) -> None:
        self.model.advance(seconds)
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE clock SET at = at + make_interval(secs => :s)"), {"s": seconds})

    def _clean(self) -> None:
        with self.engine.begin() as connection:
            tables = "notifications, deliveries, delivery_events, publications, quarantine, gaps, shards, streams"
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
            connection.execute(text("UPDATE clock SET at = to_timestamp(:start)"), {"start": START})


def lineage(shard: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    while (parent := parents.get(shard)) is not None:
        yield parent
        shard = parent


@contextmanager
def virtual_time(url: str) -> Iterator[Engine]:
    """An engine whose now() is what the table `clock` says."""
    database = url.rpartition("/")[2]
    administer(url, "CREATE TABLE clock (at timestamptz NOT NULL)")
    administer(url, "INSERT INTO clock VALUES (pg_catalog.now())")
    administer(
        url, "CREATE FUNCTION public.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM public.clock'"
    )
    administer(url, "ALTER TABLE streams ALTER discovered_at SET DEFAULT public.now()")
    administer(url, f"ALTER DATABASE {database} SET search_path = public, pg_catalog")
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.mark.timeout(300)
def test_each_record_is_recorded_once_in_order_or_its_loss_is_a_gap(
    postgres_server: GivenPostgres, database_url: str
) -> None:
    with virtual_time(database_url) as engine:
        machine = type("Machine", (Bridges,), {"engine": engine})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=40,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
