"""What the console reads by itself: throughput per minute, and the proof."""

import time

from notifier.outbox import CountKey, DeliveryCounts, Throughput, read_throughput
from tests.outbox.rows import Rows
from web.console.monitoring.watch import Minutes, Watch

MINUTE = 60.0


def test_the_first_sample_is_only_the_beginning() -> None:
    minutes = Minutes()
    assert minutes.last(2, 600.0) == [None, None]
    minutes.add(Throughput(read=1000), 600.0)
    assert minutes.last(2, 600.0) == [None, Throughput()]


def test_what_was_added_is_counted_for_its_minute() -> None:
    minutes = Minutes()
    for now, read in ((600.0, 10), (610.0, 12), (659.0, 15), (661.0, 21), (800.0, 21)):
        minutes.add(Throughput(read=read), now)
    assert [each and each.read for each in minutes.last(5, 800.0)] == [None, 5, 6, 0, 0]
    assert [each and each.read for each in minutes.last(2, 800.0, width=2)] == [11, 0]


def test_a_sum_that_goes_back_takes_nothing_away() -> None:
    minutes = Minutes()
    for now, sent in ((0.0, 10), (1.0, 4), (2.0, 7)):
        minutes.add(Throughput(sent=sent), now + 600)
    assert minutes.last(1, 602.0) == [Throughput(sent=3)]


def test_a_day_is_kept() -> None:
    minutes = Minutes()
    for minute in range(3000):
        minutes.add(Throughput(read=minute), minute * MINUTE + 600)
    assert len(minutes._minutes) == 24 * 60
    assert sum(each.read for each in minutes.last(24 * 60, 2999 * MINUTE + 600) if each) == 24 * 60


def test_what_was_added_while_no_console_ran_is_spread() -> None:
    minutes = Minutes()
    minutes.add(Throughput(read=100), 600.0)
    minutes.add(Throughput(read=107), 779.0)  # two minutes later
    assert [each and each.read for each in minutes.last(3, 779.0)] == [0, 3, 4]


def test_the_charts_begin_before_the_console_was_started(rows: Rows) -> None:
    first = Watch(rows.engine, rows.engine)
    rows.pending(3)
    first.sample()
    first.sample()  # in the same minute, or in the next one
    assert 1 <= rows.one("SELECT count(*) FROM throughput_minutes")["count"] <= 2
    rows.run("UPDATE throughput_minutes SET minute = minute - interval '10 min'")
    rows.run("INSERT INTO throughput_minutes VALUES (now() - interval '26 h', 0, 0, 0, 0)")
    rows.pending(20)
    second = Watch(rows.engine, rows.engine)
    second.sample()
    spans = second.minutes.last(12, time.time())
    assert spans[0] is None
    assert sum(each.read for each in spans if each) == 20
    assert rows.one("SELECT count(*) FROM throughput_minutes WHERE minute < now() - interval '25 h'")["count"] == 0


def test_the_sums_come_from_the_outbox(rows: Rows) -> None:
    rows.pending(3)
    counts = {("email", "sent"): 2, ("email", "failed"): 1, ("sms", "sent"): 4, ("sms", "pending"): 9}
    DeliveryCounts(rows.engine).add({CountKey(channel, "a", status): n for (channel, status), n in counts.items()})
    rows.run("INSERT INTO feedback_hours (channel, hour, deliveries) VALUES ('email', now(), 5)")
    assert read_throughput(rows.engine) == Throughput(read=3, sent=6, delivered=5, failed=1)


def test_the_proof_holds_until_a_row_is_missing(rows: Rows) -> None:
    watch = Watch(rows.engine, rows.engine)
    rows.pending(3)
    assert watch.prove() >= 10
    assert watch.proof
    assert watch.proof.holds
    assert watch.proof.shards[0]["records_read"] == 3
    rows.run("DELETE FROM notifications WHERE notification_id = (SELECT notification_id FROM notifications LIMIT 1)")
    watch.prove()
    assert not watch.proof.holds
    assert [shard["balanced"] for shard in watch.proof.shards] == [False]


def test_a_delivery_that_nothing_moves_on_breaks_the_proof(rows: Rows) -> None:
    watch = Watch(rows.engine, rows.engine)
    rows.pending()
    rows.run("DELETE FROM publications")
    watch.prove()
    assert watch.proof
    assert watch.proof.stranded == 1
    assert not watch.proof.holds
