"""What each process asks of the database: all of it, once, through an engine that is logged in as its role."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from sqlalchemy import Engine, text

from bridge.stream.client import Shard
from bridge.stream.leases import Leases
from bridge.stream.tree import ShardTree
from notifier.database.schema import check_schema
from notifier.database.server import server_of
from notifier.errors import UsageError
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.lanes import Lane
from notifier.notifications import Status
from notifier.outbox import (
    Acknowledgements,
    Arrival,
    Attempts,
    Change,
    ChannelStates,
    CountKey,
    Decision,
    DeliveryCounts,
    Digests,
    Discovery,
    Erasure,
    ErasureKeys,
    FailedUpdate,
    FallBack,
    Journal,
    JournalFilter,
    Judgement,
    LettingGo,
    LimitedRecipient,
    NewSuppression,
    Operations,
    OptOuts,
    OverdueAction,
    Partitions,
    Person,
    Publications,
    Quarantine,
    Quarantined,
    QuarantineSelection,
    RateLimits,
    Recipient,
    Recording,
    Report,
    Retention,
    Reveals,
    RewindPage,
    RewindRequests,
    Rewinds,
    RewindTarget,
    Scheduled,
    Search,
    Selection,
    Settlement,
    ShadowMessage,
    StatusUpdates,
    StreamStatus,
    Suppressions,
    SuspectBuild,
    Suspects,
    Unknowns,
    end_leases,
    keep_throughput,
    kept_throughput,
    last_days,
    read_gauges,
    read_throughput,
)
from notifier.outbox.inspection.recent_days import recent_days
from notifier.outbox.inspection.rights import read_rights
from notifier.outbox.inspection.server import read_clock, read_server
from notifier.outbox.operator.failures import estimate_failing
from notifier.outbox.operator.totals import estimate_deliveries
from notifier.outbox.shadow.shadowed import Shadowed
from tests.outbox.history.history import KEEP, OLD, day, partitions, recorded, settled
from tests.outbox.rows import Rows

SCALED = Path(__file__).parents[2] / "deploy" / "kubernetes" / "scaling" / "keda" / "worker-email.yml"
Errand = Callable[[Rows, Engine], None]

NOW = datetime.now(UTC)
TO = "ana@example.com"


def bridge(rows: Rows, engine: Engine) -> None:
    check_schema(engine)
    _shards(rows, engine)
    partitions = Partitions(engine)
    partitions.ensure_around(NOW.date())
    partitions.ensure([date(2030, 1, 1)])
    intake = Recording(engine, partitions)
    asking = rows.page([98])
    intake.record(
        rows.lease, None, replace(asking, notifications=[replace(asking.notifications[0], wanted_updates=1)])
    )
    rows.checkpoint = asking.checkpoint
    page = rows.page([100, 101], [Quarantined("102", b"{}", "odd")], unrouted=1)
    (recorded,) = intake.record(rows.lease, rows.checkpoint, page)
    rows.run("UPDATE shards SET checkpoint = NULL WHERE id = :id", id=rows.lease.shard)
    intake.record(rows.lease, None, page)  # read again from its beginning
    rows.checkpoint = page.checkpoint
    _publish(rows, engine, recorded.publication)
    (proven,) = unknown(rows)
    rows.run("UPDATE deliveries SET provider_message_id = 'm' WHERE notification_id = :id", id=proven)
    assert end_leases(engine) == [proven]
    for decision in OverdueAction:
        unknown(rows)
        end_leases(engine, unknown_after=0)
        Unknowns(engine, 0.0).settle(lambda _, decision=decision: Decision(decision, "at its deadline"))
    _rewind(rows, engine, partitions)
    StreamStatus(engine).lags()
    StreamStatus(engine).waiting()
    StreamStatus(engine).rewinds()
    StreamStatus(engine).records(["activity"])
    read_gauges(engine, KEEP)
    _retain(rows, engine)


def _retain(rows: Rows, engine: Engine) -> None:
    """An old day goes, from its count to its partitions, and old rows of each kind."""
    recorded(rows, OLD, 2)
    rows.run("INSERT INTO dead_letters (raw, error, received_at) VALUES ('old', 'odd', now() - interval '40 days')")
    retention = Retention(engine, KEEP, rest=0.0, explicit=True)
    assert [each.reason for each in retention.old_days()] == ["not counted yet"]
    assert retention.old_rows()["dead_letters"] == 1
    settled(retention)
    assert day(OLD) not in partitions(rows)
    assert retention.old_rows()["dead_letters"] == 0


def _shards(rows: Rows, engine: Engine) -> None:
    tree, leases = ShardTree(engine), Leases(engine, "bridge-1", 60.0, ["orders"])
    arn = "arn:aws:dynamodb:eu-west-1:1:table/orders/stream/1"
    parent = Shard(f"shardId-{1_800_000_000_000:020}-aaaaaaaa", None, closed=False)
    orphan = Shard("shardId-3", f"shardId-{4_000_000_000_000:020}-bbbbbbbb", closed=False)
    tree.listing_is_incomplete(arn, [orphan])
    assert tree.register("orders", arn, [parent, orphan]) == 2
    assert tree.unfinished_streams("orders") == [arn]
    assert tree.let_go("orders") == set()
    with tree.listing_turn() as ours:
        assert ours
        ours.keep_alive()
    discovery = Discovery(engine)
    discovery.note("orders", None)
    assert discovery.childless_stream("orders") is None
    assert [each.table for each in discovery.state()] == ["orders"]
    taken = leases.acquire(10)
    assert len(taken) == 2
    rows.run("UPDATE shards SET lease_until = now() - interval '1 h' WHERE owner = 'bridge-1'")
    assert Leases(engine, "bridge-2", 60.0, ["orders"]).acquire(0) == []  # one is passed over
    assert leases.renew(taken, {taken[0].shard: 1.0}) == {each.shard for each in taken}
    with rows.engine.begin() as recording:
        recording.execute(text("SELECT FROM shards WHERE id = :id FOR UPDATE"), {"id": taken[0].shard})
        assert Leases(engine, "bridge-1", 1.0, ["orders"]).renew(taken[:1], {}) == {taken[0].shard}
    assert leases.renew(taken, {taken[0].shard: 1.0}) == {each.shard for each in taken}
    assert leases.bridges() >= 1
    assert not tree.was_left_unread(taken[0])
    tree.record_trimmed(taken[0], "trimmed")
    tree.finish(taken[0], None, [])
    assert tree.expects_children(["orders"])
    rows.run("UPDATE shards SET finished_at = now() - interval '2 days' WHERE state = 'finished'")
    assert tree.has_childless_shards(arn)
    tree.record_childless_gaps(arn)
    tree.register("orders", arn, [Shard("shardId-4", taken[0].shard_id, closed=False)])
    tree.mark_lost(taken[1], None, "gone")
    assert Leases(engine, "bridge-2", 60.0, ["orders"]).steal(10) == []
    rows.run("UPDATE shards SET state = 'open', finished_at = NULL, owner = 'bridge-0', lease_until = now() + '1 h'")
    assert Leases(engine, "bridge-2", 60.0, ["orders"]).steal(10)
    leases.release(taken)
    rows.run(
        "UPDATE shards SET owner = 'me', epoch = 1, lease_until = now() + '1 h' WHERE id = :id", id=rows.lease.shard
    )


def _rewind(rows: Rows, engine: Engine, partitions: Partitions) -> None:
    RewindRequests(rows.engine, actor="eva").ask(RewindTarget("activity"), "for the test")
    rewinds = Rewinds(engine, partitions, "bridge-1", 60.0)
    rewind = rewinds.take(["activity"])
    assert rewind is not None
    assert not rewinds.is_forgotten(rewind)
    assert rewinds.failed(rewind, "no answer", gone=True) is not None
    assert rewinds.failed(rewind, "no answer", rest=0.0) is not None
    rewind = rewinds.take(["activity"])
    assert rewind is not None
    made = rows.notification(99)
    found = rewinds.correct(rewind, RewindPage("100", 2, [made], ["102"]), "done")
    assert (found.routed, found.released) == (1, 1)


def _publish(rows: Rows, engine: Engine, publication: int) -> None:
    publications = Publications(engine)
    publications.mark_published([publication])
    publications.make_all_due()
    assert publications.queues_due() == ["email"]
    first, *others = publications.take_due("email", 10)
    publications.keep_waiting(first)
    publications.postpone([first.id], 1.0)
    publications.delete([each.id for each in others] or [first.id])
    assert publications.message_count() >= 0
    assert publications.queues_held_back() == set()
    rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'pending'")
    rows.run("INSERT INTO due SELECT notification_id, 'retry', 'email', now() FROM deliveries ON CONFLICT DO NOTHING")
    assert publications.publish_due_retries(10) > 0
    rows.run("INSERT INTO due SELECT notification_id, 'retry', 'email', now() FROM deliveries ON CONFLICT DO NOTHING")
    assert Publications(engine, lanes={"a_route": Lane.LOW}).publish_due_retries(10) > 0


def waiting(id_: UUID) -> Scheduled:
    return Scheduled(id_, Status.PENDING, reason="quiet hours", until=datetime.now(UTC) + timedelta(hours=1))


def worker(rows: Rows, engine: Engine) -> None:
    check_schema(engine)
    attempts = Attempts(engine, channel="email", worker="host:1")
    ends = (Status.SENT, Status.PENDING, Status.FAILED, Status.UNKNOWN)
    ids = rows.pending(len(ends))
    assert attempts.load_large_records(attempts.load(ids))[0].record
    suspects = Suspects(engine)
    suspects.mark(ids)
    process = UUID(int=1)
    assert suspects.begin(ids[0], process, 60.0) == 0
    suspects.keep(process, [SuspectBuild(ids[0], 0, ended=True)], 60.0)
    suspects.clear(ids)
    token = attempts.token()
    for _ in range(2):  # the answer to the first was lost
        assert len(attempts.begin(token, [Recipient(id_, TO) for id_ in ids], 60).begun) == len(ends)
    delays = {Status.PENDING: 0.0}
    changes = [Change(id_, to, delay=delays.get(to), message_id="m") for id_, to in zip(ids, ends, strict=True)]
    assert attempts.finish(token, changes) == set(ids)
    (late,) = unknown(rows, token := attempts.token())
    end_leases(rows.engine)
    assert attempts.finish(token, [Change(late, Status.SENT, message_id="m")]) == {late}
    (refused,) = unknown(rows, token := attempts.token())
    end_leases(rows.engine)
    assert attempts.finish(token, [Change(refused, Status.FAILED, reason="refused")]) == {refused}
    (gone,), token = rows.pending(), attempts.token()
    attempts.begin(token, [Recipient(gone, "gone@example.com")], 60)
    assert attempts.finish(token, [Change(gone, Status.FAILED, reason="gone", gone=True)]) == {gone}
    (twice,) = unknown(rows, token := attempts.token())
    rows.run("UPDATE deliveries SET provider_message_id = 'other' WHERE notification_id = :id", id=twice)
    assert attempts.finish(token, [Change(twice, Status.SENT, message_id="m")]) == {twice}
    (given_up,) = rows.pending()
    rows.run("INSERT INTO due VALUES (:id, 'retry', 'email', now())", id=given_up)
    assert attempts.finish(attempts.token(), [Change(given_up, Status.SENT, message_id="m")]) == {given_up}
    assert attempts.decide([Change(rows.pending()[0], Status.SKIPPED)])
    assert attempts.schedule([waiting(rows.pending()[0])])
    _collect(rows, engine, attempts)
    assert attempts.shadow([ShadowMessage(Recipient(rows.pending()[0], TO), "Hello", "in shadow")]).shadowed
    limited = [LimitedRecipient(id_, "route a", TO, 1, 60.0) for id_ in rows.pending(2)]
    recipients = [Recipient(each.id, TO) for each in limited]
    assert len(attempts.begin(attempts.token(), recipients, 60, limited=limited).over_limit) == 1
    assert attempts.full_limits([LimitedRecipient(rows.pending()[0], "route a", TO, 1, 60.0)])
    Suppressions(rows.engine, actor="eva").add("email", TO, reason="manual")
    assert attempts.begin(attempts.token(), [Recipient(rows.pending()[0], TO)], 60).suppressed
    _fall_back(rows, attempts)
    assert attempts.barred([Recipient(ids[0], TO), Recipient(ids[0], "other@example.com")]) == {(ids[0], TO)}
    Suppressions(rows.engine, actor="eva").remove("email", TO)
    DeliveryCounts(engine).add({CountKey("email", "a_route", "sent"): 2})
    channels = ChannelStates(engine, actor="host:1", probe_seconds=0.0)
    assert channels.park("email", "blocked")
    assert channels.state("email").state == "parked"
    assert channels.claim_probe("email")
    assert channels.reopen("email")


def _fall_back(rows: Rows, attempts: Attempts) -> None:
    """Go on to another channel: a suppressed recipient, a device that is gone, and a late answer."""
    (spared,) = rows.pending()
    assert not attempts.begin(attempts.token(), [Recipient(spared, TO)], 60, spared=[spared]).begun
    shadow = ShadowMessage(Recipient(spared, TO), "Hello", "in shadow")
    assert not attempts.shadow([shadow], spared=[spared]).shadowed
    assert attempts.why_suppressed([Recipient(spared, TO)])
    assert attempts.fall_back([FallBack(spared, Status.SUPPRESSED, next="sms")]) == {spared}
    assert attempts.fall_back([FallBack(spared, Status.SUPPRESSED, next="sms")], again=True) == {spared}
    (gone,), token = rows.pending(), attempts.token()
    attempts.begin(token, [Recipient(gone, "gone@example.org")], 60)
    assert attempts.fall_back([FallBack(gone, Status.FAILED, gone=True, next="sms")], token) == {gone}
    (late,) = unknown(rows, token := attempts.token())
    end_leases(rows.engine)
    assert attempts.fall_back([FallBack(late, Status.FAILED, next="sms")], token) == {late}
    (twice,), token = rows.pending(), attempts.token()
    attempts.begin(token, [Recipient(twice, "twice@example.org")], 60)
    moved = "UPDATE deliveries SET channel = 'email', provider_message_id = 'm-1' WHERE notification_id = :id"
    rows.run(moved, id=twice)
    assert attempts.finish(token, [Change(twice, Status.SENT, message_id="m-2")]) == {twice}


def _collect(rows: Rows, engine: Engine, attempts: Attempts) -> None:
    """Collect events, and send a message with some of them."""
    digests = Digests(engine, channel="email")
    leader, member, *left = sorted(rows.pending(4))
    assert not digests.standings([leader])[leader].leads
    assert digests.collect([collecting(id_) for id_ in (leader, member, *left)]) == []
    assert [each.id for each in digests.members([leader])[leader].there] == [member, *left]
    rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=leader)
    assert attempts.begin(attempts.token(), [Recipient(leader, TO)], 60, given={leader: (member,)}).merged == {member}
    rows.run(
        "UPDATE deliveries SET status = 'pending', next_attempt_at = now() WHERE notification_id = :id", id=leader
    )
    assert attempts.begin(attempts.token(), [Recipient(leader, "other@x.org")], 60, given={leader: (member,)}).begun
    rows.run(
        "UPDATE deliveries SET status = 'pending', next_attempt_at = now() WHERE notification_id = :id", id=leader
    )
    assert attempts.decide([Change(leader, Status.EXPIRED, reason="old")], given={leader: (member,)})
    assert attempts.begin(attempts.token(), [Recipient(left[0], TO)], 60, given={left[0]: (member,)}).begun == []


def collecting(id_: UUID) -> Arrival:
    return Arrival(id_, UUID(int=1), 3600.0, 100, first_at_once=False)


def feedback(rows: Rows, engine: Engine) -> None:
    check_schema(engine)
    assert server_of(engine).takes_writes
    limits = RateLimits(bounces=0.01, complaints=0.01, least=1)
    settlement = Settlement(engine, channel="email", limits=limits, configuration_set="notifier")
    for kind in FeedbackKind:
        (id_,) = unknown(rows)
        end_leases(rows.engine)
        told = [
            Feedback(
                kind, message_id, NOW, NOW, notification_id=id_, attempt=1, permanent=True, configuration_set=used
            )
            for message_id, used in (("m-1", "notifier"), ("m-2", "blue"))
        ]
        foreign = Feedback(kind, "m-9", NOW, NOW)
        settled = settlement.settle([*told, foreign], [DeadLetter(b"{" + kind.value.encode(), "no JSON")])
        assert (settled.accepted, settled.duplicates, settled.unmatched, settled.dead) == (1, 1, 1, 1)
        ChannelStates(rows.engine, actor="eva").resume("email")  # bounces and complaints have paused it
    lost = rows.page([7_000, 7_001])
    for each in lost.notifications:
        settlement.settle(
            [Feedback(FeedbackKind.BOUNCE, f"m-{each.id}", NOW, NOW, each.id, 1, "lost@x.org", permanent=True)]
        )
    rows.record(replace(lost, notifications=lost.notifications[:1]))
    assert not settlement.match_again()
    assert rows.status(lost.notifications[0].id) == Status.BOUNCED
    settlement.note_settled_before()
    ChannelStates(rows.engine, actor="eva").resume("email")  # the bounces of what was lost have paused it again


def console(rows: Rows, engine: Engine) -> None:
    _look(rows, engine)
    _act(rows, engine)


def _look(rows: Rows, engine: Engine) -> None:
    check_schema(engine)
    (id_,) = rows.pending()
    report = Report(engine)
    assert report.totals()
    assert report.show(id_)
    for look in (report.channels, report.shards, report.gaps, report.quarantine, report.duplicates,
                 report.dead_letters, report.finished_shards, report.unknowns, report.problem_counts,
                 report.audit, report.now, report.waiting):  # fmt: skip
        look()
    assert estimate_deliveries(engine, exact_pages=0)  # the sample is the whole day
    assert report.events(id_) == report.feedback(id_) == []
    assert report.leaders([id_]) == {}
    assert report.ids(id_, id_, 1) == [*report.statuses([id_])] == [id_]
    report.failing(KEEP)
    estimate_failing(engine, KEEP)
    Journal(engine).newest(JournalFilter(), 10)
    Suppressions(engine, actor="eva").list()
    Suppressions(engine, actor="eva").list(address=TO)
    report.days(KEEP)
    search = Search(engine, budget=None)
    assert search.page(Selection()).rows
    assert search.page(Selection(keys=["user#1"])).rows == []
    assert search.count(Selection(recipients=[TO]), [Status.FAILED]).number >= 0
    assert search.failures(Selection()) is not None
    assert Operations(engine, actor="eva").count(Selection(), Status.PENDING) >= 1
    read_gauges(engine, KEEP)
    last_days(engine)
    now = datetime.now(UTC)
    compared = Shadowed(engine, "email", since=now - timedelta(days=1), until=now + timedelta(hours=1))
    assert sum(1 for _ in compared.messages()) >= 0
    assert compared.others().total() >= 0
    assert read_rights(engine).missing["notifier_console"] == ()
    server = read_server(engine)
    assert read_clock(engine) >= server.now
    assert recent_days(engine)
    keep_throughput(engine, read_throughput(engine))
    assert kept_throughput(engine)


def status_sender(rows: Rows, engine: Engine) -> None:
    check_schema(engine)
    assert server_of(engine).takes_writes
    (id_,) = rows.pending()
    rows.run("UPDATE deliveries SET wanted_updates = 1 WHERE notification_id = :id", id=id_)
    attempts = rows.attempts()
    token = attempts.token()
    attempts.begin(token, [Recipient(id_, TO)], 60)
    attempts.finish(token, [Change(id_, Status.SENT)])
    updates = StatusUpdates(engine, personal=True)
    updates.assign(["https://product.example"])
    (claimed,) = updates.claim("https://product.example", 10, 60.0)
    updates.failed("https://product.example", [FailedUpdate(claimed.update, "no", 0.0)])
    updates.note_failure("https://product.example", "no")
    assert updates.accepted("https://product.example", [claimed.update]) == 1
    assert updates.backlog()


def preferences(rows: Rows, engine: Engine) -> None:
    """A recipient leaves topics and joins them again."""
    check_schema(engine)
    opt_outs = OptOuts(engine, actor="preferences", topics=["news", "offers"])
    opt_outs.change("email", TO, leave=["*"])
    assert opt_outs.read("email", TO) == {"*"}
    opt_outs.change("email", TO, join=["news"])
    assert opt_outs.read("email", TO) == {"offers"}
    opt_outs.change("email", TO, join=["*"])
    assert opt_outs.read("email", TO) == set()


def scaler(rows: Rows, engine: Engine) -> None:
    """KEDA asks how much waits."""
    rows.pending()
    (scaled, _) = yaml.safe_load_all(SCALED.read_text())
    for trigger in scaled["spec"]["triggers"]:
        with engine.connect() as connection:
            assert connection.exec_driver_sql(trigger["metadata"]["query"]).scalar_one() > 0


def _act(rows: Rows, engine: Engine) -> None:
    revealed = Reveals(engine, actor="eva").notification(*rows.pending(), "for the test")
    assert revealed
    operations = Operations(engine, actor="eva")
    assert list(operations.cancel(Selection(ids=rows.pending()), "for the test")) == [1]
    leader, member = _digest(rows)
    assert list(operations.cancel(Selection(ids=[leader]), "for the test")) == [1]
    assert rows.status(member) is Status.MERGED
    scheduled = rows.pending(2)
    rows.attempts().schedule([waiting(id_) for id_ in scheduled])
    assert list(operations.bring_forward(Selection(ids=scheduled), "for the test", per_second=100)) == [2]
    for to in (Status.SENT, Status.PENDING, Status.FAILED):
        (id_,) = unknown(rows)
        end_leases(rows.engine)
        assert operations.resolve(id_, to, "for the test")
    assert operations.count_maybe_sent(Selection(ids=[id_])) == 1
    assert list(operations.redrive(Selection(ids=[id_]), "for the test", per_second=100, maybe_sent=True)) == [1]
    channels = ChannelStates(engine, actor="eva")
    assert channels.pause("email", "for the test")
    assert channels.resume("email")
    suppressions = Suppressions(engine, actor="eva")
    assert suppressions.add("email", TO, reason="manual")
    assert suppressions.remove("email", TO) == 1
    assert suppressions.add_all([NewSuppression("email", TO)], "for the test") == 1
    assert TO in [row["address"] for row in suppressions.export("for the test")]
    assert suppressions.remove("email", TO) == 1
    rows.run("INSERT INTO gaps (shard, reason) VALUES (:shard, 'lost')", shard=rows.lease.shard)
    report = Report(engine)
    acknowledging = Acknowledgements(engine, actor="eva")
    assert acknowledging.gaps(report.gaps())
    until = report.open()["until"]
    acknowledging.duplicates(until)
    acknowledging.dead_letters(until)
    acknowledging.failures(report.failing(KEEP, until), until)
    rewinding, target = RewindRequests(engine, actor="eva"), RewindTarget("activity", since=NOW - timedelta(hours=1))
    assert rewinding.plan(target)
    assert rewinding.open(rewinding.ask(target, "for the test")) == 1
    assert rewinding.paused([1]) == 0
    assert rewinding.cancel(target, "for the test") == 1
    assert rewinding.recent()
    _replay(rows, engine)
    acknowledging.quarantine(report.now())


def _replay(rows: Rows, engine: Engine) -> None:
    made = rows.notification(uuid.uuid4().int)
    odd, other = f"odd {made.sequence_number}", f"other {made.sequence_number}"
    for number in (odd, other, made.sequence_number):
        rows.run(
            "INSERT INTO quarantine (shard, sequence_number, record, error) VALUES (:shard, :number, '{}', 'odd')",
            shard=rows.lease.shard, number=number,
        )  # fmt: skip
    rows.run("UPDATE shards SET records_read = records_read + 3, records_quarantined = records_quarantined + 3")
    verdicts = {odd: Judgement(error="still odd"), other: Judgement(), made.sequence_number: Judgement([made])}
    kept = Quarantine(engine, actor="eva", keep_days=KEEP)
    chosen = QuarantineSelection(because="odd")
    (done,) = kept.replay(
        chosen, lambda each: verdicts.get(each.sequence_number, Judgement(error="odd")), "for the test"
    )
    assert (done.notified, done.unrouted) == (1, 1)
    assert kept.show(kept.newest(QuarantineSelection())[0]["id"])


def _digest(rows: Rows) -> tuple[UUID, UUID]:
    """The leader of a digest, and its member."""
    leader, member = sorted(rows.pending(2))
    Digests(rows.engine, channel="email").collect([collecting(id_) for id_ in (leader, member)])
    return leader, member


def operator(rows: Rows, engine: Engine) -> None:
    _look(rows, engine)
    _act(rows, engine)
    leader, member = _digest(rows)  # the person of the leader is erased
    assert list(Operations(engine, actor="eva").cancel(Selection(ids=[leader]), "for the test", release=True)) == [1]
    assert rows.status(member) is Status.PENDING
    for keys, who in ((ErasureKeys(("secret",)), TO), (ErasureKeys(), "nobody@example.com")):
        list(Erasure(engine, actor="eva", keys=keys).run(Person(who, ["email"], [who]), "for the test"))
    letting_go = LettingGo(engine, actor="eva")
    for arn in ("arn:x/stream/1", "arn:x/stream/2"):
        rows.run("INSERT INTO streams (arn, table_name) VALUES (:arn, 'x')", arn=arn)
    assert letting_go.stream("arn:x/stream/1", "for the test") == 0
    assert letting_go.table("x", "for the test") == 0
    with pytest.raises(UsageError):
        letting_go.stream("arn:unknown", "for the test")
    Retention(engine, KEEP).note("eva", "for the test")
    Retention(engine, KEEP).period.shorten("for the test")
    _retain(rows, engine)


def unknown(rows: Rows, token: UUID | None = None) -> list[UUID]:
    """A delivery under way whose lease has ended."""
    ids = rows.pending()
    assert (
        rows.attempts().begin(token or uuid.uuid4(), [Recipient(id_, f"{id_}@example.com") for id_ in ids], -1).begun
    )
    return ids


ERRANDS: Mapping[str, Errand] = {
    "notifier_bridge": bridge,
    "notifier_worker": worker,
    "notifier_feedback": feedback,
    "notifier_status_sender": status_sender,
    "notifier_preferences": preferences,
    "notifier_scaler": scaler,
    "notifier_console": console,
    "notifier_operator": operator,
}
