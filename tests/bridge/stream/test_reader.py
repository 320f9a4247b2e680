"""One shard read by a scripted stream into real Postgres and Redis."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from bridge.stream.client import IteratorExpired, Shard, ShardGone, StreamRefused, StreamThrottled
from bridge.stream.intake import Intake
from bridge.stream.leases import Leases
from bridge.stream.page import RecordPage
from bridge.stream.prefetch import Prefetcher
from bridge.stream.reader import EMPTY_SECONDS, IDLE_SECONDS, SOME_RECORDS_SECONDS, TRIES_OF_AN_ITERATOR, ShardReader
from bridge.stream.tree import ShardTree
from notifier.broker import Broker, BrokerError
from notifier.errors import DataTrimmed, LeaseLost, Unreachable
from notifier.outbox import Partitions, Publications, Recording, Report, ShardLease
from notifier.routes import Routes
from tests.bridge.stream.records import record
from tests.no_threads import NoThreads
from tests.sql import Sql

ARN = "arn:stream"


class Script:
    """A shard with given answers: pages and errors, in order. It keeps where reading began."""

    def __init__(self, *answers: RecordPage | Exception) -> None:
        self._answers = iter(answers)
        self.began_after: list[str | None] = []
        self.listed: list[Shard] = []

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str:
        self.began_after.append(after)
        return f"iterator-{len(self.began_after)}"

    def records(self, iterator: str) -> RecordPage:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def shards(self, arn: str) -> list[Shard]:
        return self.listed

    def children(self, arn: str, shard_id: str) -> list[Shard]:
        return [Shard(f"{shard_id}-child", shard_id, closed=False)]


def page(*numbers: int, last: bool = False) -> RecordPage:
    return RecordPage([record(number) for number in numbers], None if last else "next")


class Environment:
    def __init__(self, engine: Engine, broker: Broker, routes: Routes) -> None:
        self.leases = Leases(engine, "me", ttl=60, tables=["activity"])
        self.tree = ShardTree(engine)
        self.prefetcher = Prefetcher(1)
        self.tree.register("activity", ARN, [Shard("shardId-1", None, closed=False)])
        self.lease = self.take()
        self.publications = Publications(engine)
        self.intake = Intake(Recording(engine, Partitions(engine)), self.publications, broker, routes, high_water=100)

    def take(self) -> ShardLease:
        (lease,) = self.leases.acquire(10)
        return lease

    def reader(self, *answers: RecordPage | Exception, gone_seconds: float = 60.0) -> tuple[ShardReader, Script]:
        script = Script(*answers)
        return ShardReader(self.lease, script, self.intake, self.tree, self.prefetcher, gone_seconds), script


@pytest.fixture
def environment(engine: Engine, broker: Broker, routes: Routes) -> Iterator[Environment]:
    environment = Environment(engine, broker, routes)
    yield environment
    environment.prefetcher.close()


def shard(engine: Engine) -> dict[str, Any]:
    return Sql(engine).one("SELECT * FROM shards WHERE shard_id = 'shardId-1'")


def test_records_are_recorded_and_published(environment: Environment, engine: Engine, broker: Broker) -> None:
    reader, script = environment.reader(page(1, 2), page(3))

    assert reader.poll() == SOME_RECORDS_SECONDS
    assert reader.poll() == SOME_RECORDS_SECONDS

    assert script.began_after == [None]
    assert shard(engine)["checkpoint"] == "3"
    assert broker.depth("email") == 3
    assert environment.publications.queues_due() == []


def test_pages_are_marked_as_published_by_one_statement(environment: Environment, engine: Engine) -> None:
    reader, _ = environment.reader(page(1, 2), page(3))
    reader.poll()
    reader.poll()
    left = "SELECT count(*) AS n FROM publications WHERE published_at IS NULL"
    assert Sql(engine).one(left)["n"] == 2
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    environment.intake.mark_published()
    environment.intake.mark_published()

    assert len(statements) == 1
    assert Sql(engine).one(left)["n"] == 0


def test_what_could_not_be_marked_is_marked_the_next_time(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, _ = environment.reader(page(1, 2), page(3))
    reader.poll()
    with monkeypatch.context() as patch:
        patch.setattr(Publications, "mark_published", _gone)
        with pytest.raises(OperationalError):
            environment.intake.mark_published()
    reader.poll()

    environment.intake.mark_published()

    assert Sql(engine).all("SELECT id FROM publications WHERE published_at IS NULL") == []


def _gone(*_: object) -> None:
    raise OperationalError("UPDATE", {}, Exception("server closed the connection unexpectedly"))


def test_the_last_page_has_records_and_no_next_iterator(environment: Environment, engine: Engine) -> None:
    reader, _ = environment.reader(page(1, last=True))

    assert reader.poll() is None

    row = shard(engine)
    assert (row["state"], row["records_read"], row["owner"]) == ("finished", 1, None)


def test_a_shard_that_is_taken_over_is_never_finished_by_its_old_reader(
    environment: Environment, engine: Engine
) -> None:
    reader, _ = environment.reader(page(last=True))
    environment.leases.release([environment.lease])
    environment.take()  # the same shard in a new epoch

    with pytest.raises(LeaseLost):
        reader.poll()
    assert shard(engine)["state"] == "open"


def test_a_new_reader_goes_on_after_the_checkpoint(environment: Environment) -> None:
    first, _ = environment.reader(page(1, 2))
    first.poll()
    environment.leases.release([environment.lease])
    environment.lease = environment.take()

    second, script = environment.reader(page(3))
    second.poll()

    assert script.began_after == ["2"]


def test_an_expired_iterator_is_replaced_where_reading_stood(environment: Environment) -> None:
    reader, script = environment.reader(page(1, 2), IteratorExpired("15 minutes"), page(3))
    waits = [reader.poll() for _ in range(3)]

    assert waits == [SOME_RECORDS_SECONDS, 0.0, SOME_RECORDS_SECONDS]
    assert script.began_after == [None, "2"]


def test_an_iterator_that_expires_before_any_record_starts_at_the_horizon(environment: Environment) -> None:
    reader, script = environment.reader(IteratorExpired("15 minutes"), page(1))
    reader.poll()
    reader.poll()
    assert script.began_after == [None, None]


def test_trimmed_data_is_a_gap_and_reading_goes_on(environment: Environment, engine: Engine) -> None:
    reader, script = environment.reader(page(1), DataTrimmed("gone"), page(9), page(10))
    reader.poll()
    Sql(engine).run("UPDATE shards SET last_record_at = now() - interval '25 h'")
    for _ in range(3):
        reader.poll()

    assert script.began_after == [None, None]
    assert shard(engine)["checkpoint"] == "10"
    (gap,) = Sql(engine).all("SELECT * FROM gaps")
    assert gap["after_sequence_number"] == "1"
    assert "trimmed" in gap["reason"]


def test_after_a_false_trimmed_error_nothing_is_counted_twice_or_a_gap(
    environment: Environment, engine: Engine
) -> None:
    came = [record(1), record(2, type={"S": "other"}), {**record(3), "eventName": "?"}]
    again = [*came, record(4)]
    reader, script = environment.reader(
        RecordPage(came, "next"), DataTrimmed("a whim"), RecordPage(again[:2], "next"), RecordPage(again[2:], "next")
    )
    while shard(engine)["checkpoint"] != "4":
        reader.poll()

    assert script.began_after == [None, None]
    row = shard(engine)
    counts = [row[f"records_{what}"] for what in ("read", "notified", "unrouted", "quarantined")]
    assert counts == [4, 2, 1, 1]
    audited, stranded = Report(engine).audit()
    assert [(each["notifications"], each["quarantine"]) for each in audited] == [(2, 1)]
    assert (stranded, Report(engine).gaps()) == ([], [])


def test_an_iterator_that_expires_on_the_way_back_starts_at_the_horizon_again(
    environment: Environment, engine: Engine
) -> None:
    reader, script = environment.reader(
        page(1, 2), DataTrimmed("gone"), page(1), IteratorExpired("slow"), page(1, 2, 3)
    )
    for _ in range(5):
        reader.poll()
    assert script.began_after == [None, None, None]
    assert (shard(engine)["checkpoint"], shard(engine)["records_read"]) == ("3", 3)


def test_an_iterator_that_expires_again_and_again_is_tried_with_pauses(environment: Environment) -> None:
    reader, _ = environment.reader(*[IteratorExpired("a clock is wrong")] * 3, page(1), IteratorExpired("15 minutes"))
    waits = [reader.poll() for _ in range(5)]
    assert [wait == 0.0 for wait in waits] == [True, False, False, False, True]


def test_a_shard_that_was_not_read_for_too_long_is_a_gap_at_its_start(
    environment: Environment, engine: Engine
) -> None:
    first, _ = environment.reader(page(1))
    first.poll()
    Sql(engine).run("UPDATE shards SET last_record_at = now() - interval '27 h'")
    environment.leases.release([environment.lease])
    environment.lease = environment.take()
    again, script = environment.reader(page(9))
    again.poll()
    assert script.began_after == [None]
    assert [gap["after_sequence_number"] for gap in Report(engine).gaps()] == ["1"]


def test_a_shard_whose_stream_is_gone_is_lost_with_a_gap(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, script = environment.reader(page(1), ShardGone("no such stream"), gone_seconds=0.0)
    monkeypatch.setattr(script, "shards", raising(ShardGone("no such stream")))
    reader.poll()
    assert reader.poll() is None
    assert shard(engine)["state"] == "lost"
    assert len(Report(engine).gaps()) == 1


@pytest.mark.parametrize("trouble", ["another bridge lists", "no answer"])
def test_a_shard_is_not_lost_while_it_cannot_be_listed(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    reader, script = environment.reader(ShardGone("no such shard"), page(1), gone_seconds=0.0)
    if trouble == "no answer":
        monkeypatch.setattr(script, "shards", raising(Unreachable("away")))
        assert reader.poll()
    else:
        with environment.tree.listing_turn():
            assert reader.poll()
    reader.poll()
    assert (shard(engine)["state"], shard(engine)["checkpoint"]) == ("open", "1")


def raising(error: Exception) -> Callable[..., list[Shard]]:
    def raise_(*_: object) -> list[Shard]:
        raise error

    return raise_


def test_a_bridge_that_lost_the_lease_does_not_mark_the_shard_lost(environment: Environment, engine: Engine) -> None:
    reader, _ = environment.reader(ShardGone("no such shard"), gone_seconds=0.0)
    environment.leases.release([environment.lease])
    environment.take()
    with pytest.raises(LeaseLost):
        reader.poll()
    assert (shard(engine)["state"], Report(engine).gaps()) == ("open", [])


def test_while_another_bridge_lists_children_are_left_to_the_discovery(
    environment: Environment, engine: Engine
) -> None:
    reader, _ = environment.reader(page(1, last=True))
    with environment.tree.listing_turn():
        assert reader.poll() is None
    assert shard(engine)["state"] == "finished"
    assert environment.tree.expects_children(["activity"])


def test_a_partly_read_closed_shard_is_not_finished(environment: Environment, engine: Engine) -> None:
    reader, _ = environment.reader(page(1), page(2, last=True))
    reader.poll()
    Sql(engine).run("UPDATE shards SET checkpoint = '0'")  # as if the page was not recorded after all
    with pytest.raises(LeaseLost):
        reader.poll()
    assert shard(engine)["state"] == "open"
    with pytest.raises(LeaseLost):
        environment.tree.finish(environment.lease, "2", [])
    assert shard(engine)["state"] == "open"


def test_large_records_are_read_without_a_pause(environment: Environment) -> None:
    reader, _ = environment.reader(RecordPage([record(1), record(2)], "next", size=700_000), page())
    assert reader.poll() == 0.0  # the third did not fit


def test_a_shard_that_vanishes_is_lost_with_a_gap(environment: Environment, engine: Engine) -> None:
    reader, _ = environment.reader(ShardGone("no such shard"))
    assert reader.poll()  # it waits: the listing may be ahead
    assert shard(engine)["state"] == "open"

    reader, _ = environment.reader(ShardGone("no such shard"), gone_seconds=0.0)
    assert reader.poll() is None

    assert shard(engine)["state"] == "lost"
    assert len(Sql(engine).all("SELECT * FROM gaps")) == 1


def test_a_shard_that_is_listed_is_not_given_up(environment: Environment, engine: Engine) -> None:
    reader, script = environment.reader(*[ShardGone("not yet")] * 5, page(1), gone_seconds=0.0)
    script.listed = [Shard("shardId-1", None, closed=False)]
    assert all(reader.poll() for _ in range(5))
    reader.poll()
    assert shard(engine)["checkpoint"] == "1"
    assert Sql(engine).all("SELECT * FROM gaps") == []


def test_a_page_that_was_not_recorded_is_read_again(
    environment: Environment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(first: int) -> RecordPage:
        return RecordPage([record(n, type={"S": "other"}) for n in range(first, first + 1000)], "next")

    reader, _ = environment.reader(full(1), full(1001), full(1), full(1001), page(2001))
    take, calls = environment.intake.take, iter([Unreachable("for once")])

    def failing(*arguments: Any) -> str | None:
        if error := next(calls, None):
            raise error
        return take(*arguments)

    monkeypatch.setattr(environment.intake, "take", failing)
    assert reader.poll()
    while shard(engine)["checkpoint"] != "2001":
        reader.poll()
    assert shard(engine)["records_read"] == 2001


def test_trimmed_errors_in_a_row_are_tried_with_pauses(environment: Environment) -> None:
    reader, _ = environment.reader(page(1), DataTrimmed("gone"), *[DataTrimmed("gone")] * 3, page(9))
    reader.poll()
    reader.poll()
    assert all(reader.poll() for _ in range(3))  # each with a pause


def test_a_refused_iterator_is_not_asked_again(environment: Environment) -> None:
    reader, script = environment.reader(StreamRefused("Invalid ShardIterator"), page(1))
    assert reader.poll()
    reader.poll()
    assert len(script.began_after) == 2


def test_errors_are_tried_again_after_a_pause_and_lose_nothing(environment: Environment, engine: Engine) -> None:
    reader, script = environment.reader(StreamThrottled("slow"), Unreachable("down"), page(1))

    assert all(0 < (reader.poll() or 0) <= 10 for _ in range(2))
    reader.poll()

    assert shard(engine)["checkpoint"] == "1"
    assert script.began_after == [None]  # the same iterator may be asked again


@pytest.mark.parametrize("error", [Unreachable("InternalServerError: 500"), StreamThrottled("slow")])
def test_an_iterator_that_only_fails_is_replaced_from_the_checkpoint(
    environment: Environment, engine: Engine, error: Exception
) -> None:
    reader, script = environment.reader(page(1), *[error] * (2 * TRIES_OF_AN_ITERATOR), page(2))

    reader.poll()
    assert all(reader.poll() for _ in range(2 * TRIES_OF_AN_ITERATOR))
    reader.poll()

    assert script.began_after == [None, "1", "1"]
    assert shard(engine)["checkpoint"] == "2"


def test_a_source_that_fails_for_old_iterators_only_costs_a_few_tries(
    environment: Environment, engine: Engine
) -> None:
    """For example one that answers 500 to every iterator from before its restart."""
    reader, script = environment.reader()
    answers: dict[str, RecordPage] = {"iterator-1": page(1), "iterator-2": page(2)}

    def records(iterator: str) -> RecordPage:
        if iterator not in answers:
            raise Unreachable("InternalServerError: 500")
        return answers.pop(iterator)

    script.records = records  # type: ignore[method-assign]
    tries = 0
    while shard(engine)["checkpoint"] != "2":
        tries += 1
        assert tries <= TRIES_OF_AN_ITERATOR + 2
        reader.poll()


def test_the_pause_follows_the_traffic(environment: Environment) -> None:
    full = RecordPage([record(n, type={"S": "other"}) for n in range(1, 1001)], "next")
    reader, _ = environment.reader(full, *[page()] * 60)

    assert reader.poll() == 0
    assert [reader.poll() for _ in range(60)] == [EMPTY_SECONDS] * 59 + [IDLE_SECONDS]


def test_one_empty_page_is_not_the_tip(environment: Environment) -> None:
    reader, _ = environment.reader(*[page()] * 4, page(1), *[page()] * 5)
    known = []
    for _ in range(10):
        reader.poll()
        known.append(reader.caught_up_at is not None)
    assert known == [False] * 9 + [True]


def test_the_next_page_is_fetched_while_one_is_recorded_and_errors_lose_nothing(
    environment: Environment, engine: Engine
) -> None:
    def full(first: int) -> RecordPage:
        return RecordPage([record(n, type={"S": "other"}) for n in range(first, first + 1000)], "next")

    reader, script = environment.reader(full(1), full(1001), StreamThrottled("slow"), full(2001), page(3001))
    while shard(engine)["checkpoint"] != "3001":
        reader.poll()

    assert shard(engine)["records_read"] == 3001
    assert script.began_after == [None]


def test_pages_ahead_have_their_places(environment: Environment) -> None:
    full = RecordPage([record(n, type={"S": "other"}) for n in range(1, 1001)], "next")
    reader, _ = environment.reader(full, full)
    reader.poll()
    assert environment.prefetcher.start(lambda: 1) is None  # the one place is taken
    reader.close()
    reader.close()
    again = environment.prefetcher.start(lambda: 1)
    assert again is not None
    assert again.take() == 1


def test_above_the_high_water_mark_rows_wait_in_postgres(
    environment: Environment, engine: Engine, broker: Broker
) -> None:
    reader, _ = environment.reader(page(*range(1, 91)), page(*range(91, 111)))
    reader.poll()
    reader.poll()
    environment.intake.mark_published()

    assert broker.depth("email") == 90
    assert shard(engine)["records_notified"] == 110
    with engine.connect() as connection:  # not left alone as if they were about to be published
        waits = connection.scalar(text("SELECT max(due_at) - now() FROM publications WHERE published_at IS NULL"))
    assert waits <= timedelta(seconds=1)


def test_after_a_broker_error_nothing_is_published_for_a_while(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def hang(channel: str, *_: object) -> bool:
        asked.append(channel)
        raise BrokerError("no answer")

    monkeypatch.setattr(environment.intake._broker, "publish", hang)
    reader, _ = environment.reader(page(1), page(2), page(3))
    for _ in range(3):
        reader.poll()
    assert len(asked) == 1


def test_without_a_broker_recording_goes_on(engine: Engine, routes: Routes) -> None:
    away = Broker("redis://127.0.0.1:1/0")
    reader, _ = Environment(engine, away, routes).reader(page(1, 2))

    assert reader.poll() == SOME_RECORDS_SECONDS

    assert shard(engine)["checkpoint"] == "2"
    away.close()


def test_nothing_is_fetched_ahead_while_no_thread_can_be_started() -> None:
    prefetcher = Prefetcher(1)
    with NoThreads().in_force():
        assert [prefetcher.start(lambda: "refused") for _ in range(3)] == [None] * 3
    fetching = prefetcher.start(lambda: "fetched")
    assert fetching is not None
    assert fetching.take() == "fetched"
    prefetcher.close()
