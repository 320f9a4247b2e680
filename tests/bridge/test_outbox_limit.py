"""NOTIFIER_OUTBOX_HIGH_WATER bounds what waits in the outbox: per channel, exactly, and with any number of shards."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bridge import outbox_limit
from bridge.counters import OUTBOX_FULL
from bridge.fitting import first_without_room
from bridge.outbox_limit import OutboxLimit, QueueFull
from bridge.stream import reader
from bridge.stream.intake import Intake
from notifier.broker import Broker
from notifier.errors import LeaseLost
from notifier.outbox import NewNotification, Partitions, Publications, Recording, Report
from notifier.outbox.publishing.backlog import Backlog
from notifier.routes import Routes
from tests.bridge.environment import BridgeEnvironment
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows
from tests.sql import Sql
from tests.waiting import wait_until

MARK = 300
PENDING = """
SELECT n.channel, count(*) AS n FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.status = 'pending' GROUP BY n.channel
"""


class Counted:
    """Stands in for Publications, with the given counts."""

    def __init__(self, **counts: int) -> None:
        self._counts: Mapping[str, int] = counts

    def message_count(self) -> int:
        return sum(self._counts.values())

    def backlog(self) -> Mapping[str, Backlog]:
        return {channel: Backlog(count, count, None) for channel, count in self._counts.items()}

    def tell(self, **counts: int) -> None:
        self._counts = counts


@pytest.fixture
def waiting() -> Counted:
    return Counted(email=0)


def limit(waiting: Counted, bridges: int = 1, mark: int = 100) -> OutboxLimit:
    made = OutboxLimit(waiting, mark, lambda: bridges)  # type: ignore[arg-type]
    made.measure()
    return made


def test_room_is_granted_up_to_the_mark_and_no_further(waiting: Counted) -> None:
    made = limit(waiting)
    assert made.reserve({"email": 60}) == {"email": 60}
    assert made.reserve({"email": 60}) == {"email": 40}
    assert made.reserve({"email": 1, "sms": 1}) == {"email": 0, "sms": 1}
    assert (made.has_room("email"), made.has_room("sms")) == (False, True)


def test_what_was_not_recorded_leaves_its_room(waiting: Counted) -> None:
    made = limit(waiting)
    made.release(made.reserve({"email": 90}), {})
    assert made.reserve({"email": 100}) == {"email": 100}


def test_what_was_recorded_since_the_measurement_counts(waiting: Counted) -> None:
    made = limit(waiting)
    granted = made.reserve({"email": 90})
    made.measure()  # which sees none of them
    assert made.reserve({"email": 20}) == {"email": 10}
    made.release(granted, granted)


@pytest.mark.parametrize("question", ["bridges", "message_count", "backlog"])
def test_a_measurement_that_fails_forgets_nothing(
    waiting: Counted, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    def fail() -> int:
        raise OperationalError("SELECT", {}, Exception("canceling statement due to statement timeout"))

    made = limit(waiting)
    made.release(made.reserve({"email": 60}), {"email": 60})
    waiting.tell(sms=90)  # so that each channel is asked for
    with monkeypatch.context() as patch:
        if question == "bridges":
            patch.setattr(made, "_bridges", fail)
        else:
            patch.setattr(waiting, question, fail)
        for _ in range(3):
            with pytest.raises(OperationalError):
                made.measure()
    assert made.reserve({"email": 60}) == {"email": 40}


def test_what_was_recorded_counts_while_it_is_measured(waiting: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    made = limit(waiting)
    made.release(made.reserve({"email": 60}), {"email": 60})
    granted: list[Counter[str]] = []

    def measured() -> int:
        granted.append(made.reserve({"email": 50}))
        made.release(granted[-1], {"email": 30})  # which the measurement may see, or not
        return 60

    waiting.tell(email=60)
    monkeypatch.setattr(waiting, "message_count", measured)
    made.measure()
    assert granted == [{"email": 40}]
    assert made._recorded == {"email": 30}
    waiting.tell(email=90)
    monkeypatch.undo()
    made.measure()
    assert made.reserve({"sms": 1}) == {"sms": 1}
    assert made._recorded == {}


def test_a_part_of_the_mark_closes_no_channel(waiting: Counted) -> None:
    made = limit(waiting)
    assert made.reserve({"email": 60}, part=0.5) == {"email": 50}
    assert made.has_room("email")
    assert made.reserve({"email": 60}) == {"email": 50}
    assert made.reserve({"email": 1}, part=0.5) == {"email": 0}


def test_reading_goes_on_well_below_the_mark(waiting: Counted) -> None:
    made = limit(waiting)
    for count, room in ((100, False), (91, False), (90, True), (95, True), (100, False)):
        waiting.tell(email=count)
        made.measure()
        assert made.has_room("email") is room, count


def test_bridges_share_the_room_and_each_has_some(waiting: Counted) -> None:
    assert limit(waiting, bridges=3).reserve({"email": 100}) == {"email": 34}
    assert limit(waiting, bridges=3, mark=1).reserve({"email": 5}) == {"email": 1}


def test_a_full_queue_is_logged_at_once_and_again_while_it_lasts(
    waiting: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_limit, "_REMIND_SECONDS", 0.0)
    made = limit(waiting)
    waiting.tell(email=100)
    with capture_logs() as logs:
        made.measure()
    assert [each["log_level"] for each in logs] == ["warning", "error"]
    assert "ALARM" in logs[1]["event"]
    assert OUTBOX_FULL.labels("email")._value.get() == 1
    waiting.tell()
    made.measure()
    assert OUTBOX_FULL.labels("email")._value.get() == 0


def test_the_first_record_that_does_not_fit() -> None:
    def of(channel: str, number: int) -> NewNotification:
        return NewNotification(None, str(number), "r", channel, "t", b"")  # type: ignore[arg-type]

    page = [of("email", 1), of("sms", 2), of("email", 3), of("sms", 4)]
    assert first_without_room(page, {"email": 2, "sms": 2}) is None
    assert first_without_room(page, {"email": 1, "sms": 2}) is page[2]
    assert first_without_room(page, {"email": 2}) is page[1]


class Taking:
    """An intake with a limit, on one shard."""

    def __init__(self, engine: Engine, broker: Broker, routes: Routes, mark: int) -> None:
        self.rows, publications = Rows(engine), Publications(engine)
        self.limit = OutboxLimit(publications, mark)
        self.limit.measure()
        outbox = Recording(engine, Partitions(engine))
        self.intake = Intake(outbox, publications, broker, routes, 1_000, limit=self.limit)

    def take(self, checkpoint: str | None, *records: dict[str, Any]) -> str | None:
        return self.intake.take(self.rows.lease, checkpoint, records)


@pytest.fixture
def taking(engine: Engine, broker: Broker, routes: Routes) -> Taking:
    return Taking(engine, broker, routes, mark=3)


def test_of_a_page_what_fits_is_recorded_and_the_rest_is_read_again(taking: Taking) -> None:
    page = [record(n) for n in range(1, 6)]
    with pytest.raises(QueueFull) as full:
        taking.take(None, *page)
    assert full.value.checkpoint == "3"
    with pytest.raises(QueueFull) as full:
        taking.take("3", *page)
    assert full.value.checkpoint == "3"
    taking.rows.run("UPDATE deliveries SET status = 'sent'")
    taking.limit.measure()  # also before the relay looked at its publications
    assert taking.limit.has_room("email")
    assert taking.take("3", *page) == "5"
    assert taking.rows.one("SELECT records_read AS n FROM shards")["n"] == 5


@pytest.mark.parametrize("lost", ["the answer to the commit", "what comes after it"])
def test_what_may_be_recorded_counts_until_it_is_measured(
    taking: Taking, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    record_, error = Recording.record, OperationalError("COMMIT", {}, Exception("the connection is gone"))

    def record_and_lose(*arguments: Any) -> None:
        record_(*arguments)
        raise error

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        if lost == "the answer to the commit":
            patch.setattr(Recording, "record", record_and_lose)
        else:
            patch.setattr(Intake, "_publish", fail)
        with pytest.raises(OperationalError):
            taking.take(None, record(1), record(2))
    with pytest.raises(QueueFull) as full:
        taking.take("2", record(3), record(4), record(5))
    assert full.value.checkpoint == "3"


def test_a_bridge_that_lost_the_shard_gives_its_room_back(taking: Taking) -> None:
    taking.rows.run("UPDATE shards SET owner = 'another', epoch = epoch + 1")
    with pytest.raises(LeaseLost):
        taking.take(None, record(1), record(2))
    assert taking.limit.reserve({"email": 3}) == {"email": 3}


def test_unrouted_records_need_no_room(taking: Taking) -> None:
    other = {"type": {"S": "other"}}
    taking.take(None, *[record(n) for n in range(1, 4)])
    assert taking.take("3", record(4, **other), record(5, **other)) == "5"
    with pytest.raises(QueueFull) as full:
        taking.take("5", record(6, **other), record(7), record(8, **other))
    assert full.value.checkpoint == "6"
    assert taking.rows.one("SELECT records_unrouted AS n FROM shards")["n"] == 3


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FULL_SECONDS", 0.2)


def pending(sql: Sql) -> Counter[str]:
    return Counter({row["channel"]: row["n"] for row in sql.all(PENDING)})


@pytest.mark.usefixtures("soon")
def test_forty_shards_stay_below_the_mark_and_lose_nothing(environment: BridgeEnvironment, engine: Engine) -> None:
    sql = Sql(engine)
    environment.streams.post("tables", table="activity", shards=40)
    environment.put(range(3 * MARK))
    with environment.bridge(outbox_high_water=MARK, look_again_seconds=1.0):

        def watched() -> bool:
            """Return whether reading has stopped; never are there more deliveries than the mark."""
            waiting = pending(sql)["email"]
            assert waiting <= MARK
            read = sql.one("SELECT coalesce(sum(records_read), 0) AS n FROM shards")["n"]
            return waiting > 0.8 * MARK or bool(read == 3 * MARK)

        for _ in range(4):
            wait_until(watched, seconds=60)
            for _ in range(30):
                watched()
            sql.run("UPDATE deliveries SET status = 'sent' WHERE status = 'pending'")
        wait_until(lambda: sql.one("SELECT sum(records_read) AS n FROM shards")["n"] == 3 * MARK, seconds=60)
    assert sql.one("SELECT count(*) AS n FROM deliveries")["n"] == 3 * MARK
    assert Report(engine).gaps() == []


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("soon")
def test_a_paused_channel_stops_its_own_shards_and_no_others(environment: BridgeEnvironment, engine: Engine) -> None:
    sql, mark = Sql(engine), 200
    sql.run("INSERT INTO channels (channel, state) VALUES ('sms', 'paused')")
    for table in ("activity", "orders", "both"):
        environment.streams.post("tables", table=table, shards=5 if table != "both" else 1)
    texts = [{"pk": f"user#{n}", "sk": "1", "type": "text"} for n in range(2 * mark)]
    environment.streams.post("put", table="orders", items=texts)
    early = [{"pk": f"mail#{n}", "sk": "1", "type": "mail"} for n in range(50)]
    late = [{**item, "sk": "2"} for item in early]
    environment.streams.post("put", table="both", items=[*early, *texts, *late])
    tables = ("activity", "orders", "both")
    with environment.bridge(outbox_high_water=mark, tables=tables, routes="tests.bridge.two_channels"):
        wait_until(lambda: pending(sql)["sms"] == mark, seconds=60)
        environment.put(range(2 * mark))  # to `activity`

        def all_mails() -> bool:
            """Send the mails; return whether all are recorded. The other channel must not move."""
            sql.run(
                "UPDATE deliveries d SET status = 'sent' FROM notifications n WHERE n.channel = 'email' "
                "AND n.notification_id = d.notification_id AND d.status = 'pending'"
            )
            assert pending(sql)["sms"] == mark
            row = sql.one("SELECT count(*) AS n FROM notifications WHERE table_name = 'activity'")
            return bool(row["n"] == 2 * mark)

        wait_until(all_mails, seconds=60)
        kept = "SELECT count(*) AS n FROM notifications WHERE table_name = 'both' AND channel = 'email'"
        assert sql.one(kept)["n"] == len(early)  # the others are behind a text in their shard
