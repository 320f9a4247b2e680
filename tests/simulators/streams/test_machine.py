"""Whatever happens to the shards, a consumer reads every record once, except those that are lost."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from simulators.streams import Behaviour, StreamsModel, truth
from tests.simulators.streams.consumer import Consumer
from tests.simulators.streams.in_process import InProcessStreams

KEYS = st.integers(0, 9)
FAULTS = st.sampled_from(["throttle", "error", "lost", "empty", "expired", "slow", "hang"])


class Streams(RuleBasedStateMachine):
    @initialize(collide=st.booleans(), padded=st.booleans(), empty_run=st.integers(0, 1), shards=st.integers(1, 3))
    def begin(self, shards: int, **behaviour: Any) -> None:
        self.model = StreamsModel(Behaviour(**behaviour))
        self.model.create_table("activity", shards)
        self.consumer = Consumer(InProcessStreams(self.model), "activity")
        self.version = 0
        self.vanished = False

    @rule(keys=st.lists(KEYS, min_size=1, max_size=20))
    def write(self, keys: list[int]) -> None:
        for key in keys:
            self.version += 1
            self.model.put("activity", [{"pk": f"user#{key}", "sk": "1", "version": self.version}])

    @rule(which=st.integers(0, 99), how=st.sampled_from(["split", "rotate", "split", "rotate", "vanish"]))
    @precondition(lambda self: len(truth.shards(self.model.account)) < 40)
    def change_a_shard(self, which: int, how: str) -> None:
        found = [one for one in truth.shards(self.model.account) if not one["closed"]]
        if found:
            one = found[which % len(found)]
            self.vanished = self.vanished or how == "vanish"
            getattr(self.model, how)(one["shard"], one["stream"])

    @rule(shards=st.integers(1, 2))
    def switch_off_and_on(self, shards: int) -> None:
        self.model.disable("activity")
        self.model.enable("activity", shards=shards)

    @rule(seconds=st.sampled_from([1.0, 60.0, 3600.0, 12 * 3600.0]))
    def wait(self, seconds: float) -> None:
        self.model.advance(seconds)

    @rule(seconds=st.sampled_from([0.0, 30.0]), calls=st.integers(0, 2))
    def be_inconsistent(self, seconds: float, calls: int) -> None:
        self.model.behaviour = self.model.behaviour.changed(
            {"children_after_seconds": seconds, "children_after_calls": calls, "parent_open_calls": calls}
        )

    @rule(kind=FAULTS, times=st.integers(1, 3))
    def fail(self, kind: str, times: int) -> None:
        self.consumer.source.plan.add([{"kind": kind, "times": times}])

    @rule()
    def list_shards(self) -> None:
        self.consumer.sweep()

    @rule(which=st.integers(0, 99), pages=st.integers(1, 3))
    def read(self, which: int, pages: int) -> None:
        ready = self.consumer.ready()
        if ready:
            self.consumer.poll(ready[which % len(ready)], pages)

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        self._drain()
        told = list(truth.records(self.model.account))
        read = [(arn, shard, record["dynamodb"]["SequenceNumber"]) for arn, shard, record in self.consumer.read]
        written = {(one["stream"], one["shard"], one["sequence_number"]): one["state"] for one in told}
        assert len(read) == len(set(read)), "a record was given twice"
        assert set(read) <= set(written), "a record was given that nobody wrote"
        assert all(written[place] != "readable" for place in set(written) - set(read)), "a record was not given"
        if not self.vanished:  # a hole in the middle of a family: the order is not known
            self._check_order()

    def _drain(self) -> None:
        """Read on until nothing is new; what was late is seen by then."""
        self.consumer.source.plan.clear()
        self.model.advance(30)
        quiet = 0
        while quiet < 4:
            self.consumer.sweep()
            polled = [self.consumer.poll(place, pages=3) for place in self.consumer.ready()]
            quiet = 0 if any(polled) else quiet + 1

    def _check_order(self) -> None:
        """Of the changes of an item in one stream."""
        newest: dict[tuple[str, str], int] = {}
        for arn, _, record in self.consumer.read:
            image = record["dynamodb"]["NewImage"]
            item, version = (arn, image["pk"]["S"]), int(image["version"]["N"])
            assert newest.get(item, 0) < version, "two changes of an item came in the wrong order"
            newest[item] = version


Streams.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestStreams = Streams.TestCase
