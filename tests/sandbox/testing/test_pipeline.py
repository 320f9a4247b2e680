"""The fixture `pipeline`, as users have it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from notifier import Attachment, Chat, Email, Event, Later, RetryPolicy, Sms, quiet_hours, route
from notifier.errors import UsageError
from notifier.testing import Behaviour, event_of, run_route
from sandbox.testing import servers
from sandbox.testing.pipeline import Pipeline

ZONE = "Europe/Lisbon"
EVENING = datetime(2027, 7, 5, 22, 30, tzinfo=UTC)  # 23:30 in Lisbon


@route(table="orders", match={"status": ["paid", "both"]}, channel="email", retry=RetryPolicy(attempts=3))
def paid(event: Event) -> Email | None:
    item = event.new or {}
    return Email(to=item["email"], template="hello", context={"name": item["name"]}) if item["email"] else None


@route(table="orders", match={"status": ["shipped"]}, channel="email", expires_after=timedelta(days=2))
def shipped(event: Event) -> Email | Later:
    if until := quiet_hours("22:00-08:00", ZONE):
        return Later(until, reason="quiet hours")
    item = event.new or {}
    return Email(to=item["email"], template="hello", context={"name": item["name"]})


@route(table="orders", match={"status": ["waits"]}, channel="email", expires_after=timedelta(hours=1))
def waits(event: Event) -> Later:
    return Later(timedelta(days=3))


@route(table="orders", match={"status": ["offer"]}, channel="email", topic="offers")
def offer(event: Event) -> Email:
    return Email(to=(event.new or {})["email"], template="hello", context={"name": "Ana"})


@route(table="orders", match={"status": ["both"]}, channel="chat", exclusive=False)
def told(event: Event) -> Chat:
    return Chat(to="https://hooks.slack.com/x", text="paid")


@route(table="orders", match={"status": ["invoiced"]}, channel="email")
def invoiced(event: Event) -> Email:
    invoice = Attachment("invoice.pdf", s3="s3://invoices/17.pdf")
    return Email(to="ana@example.com", template="hello", context={"name": "Ana"}, attachments=[invoice])


@route(table="orders", match={"status": ["copied"]}, channel="email")
def copied(event: Event) -> Email:
    to = ["ana@example.com", "bo@example.com"]
    return Email(to, "hello", {"name": "Ana"}, cc="desk@example.com", bcc=["log@example.com"])


@route(table="orders", match={"status": ["called"]}, channel="sms")
def called(event: Event) -> Sms:
    return Sms(to="+351912345678", text=f"Hello {(event.new or {})['name']}")


@pytest.fixture
def notifier_settings(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "templates" / "hello"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Hello {{ name }}")
    (folder / "body.txt").write_text("Dear {{ name }}, hello.")
    (folder / "body.html").write_text("<p>Dear {{ name }}, hello.</p>")
    return {"routes": __name__, "templates": str(folder.parent)}


def order(status: str, **more: Any) -> dict[str, Any]:
    return {"pk": "order#1", "sk": "1", "status": status, "email": "ana@example.com", "name": "Ana", **more}


def test_an_event_becomes_one_mail(pipeline: Pipeline) -> None:
    pipeline.put(order("paid"))

    (mail,) = pipeline.mails
    assert (mail.to, mail.subject, mail.text.strip()) == ("ana@example.com", "Hello Ana", "Dear Ana, hello.")
    assert mail.html is not None
    assert "<p>Dear Ana, hello.</p>" in mail.html
    pipeline.settled(delivered=1)


def test_tests_share_nothing(pipeline: Pipeline) -> None:
    assert pipeline.deliveries == []
    assert pipeline.messages == []
    pipeline.settled()


def test_what_no_route_claims_and_what_is_skipped(pipeline: Pipeline) -> None:
    pipeline.put_all([order("new"), order("paid", email="")])
    assert pipeline.mails == []
    pipeline.settled(skipped=1)


def test_quiet_hours_end_when_the_clock_says_so(pipeline: Pipeline) -> None:
    pipeline.at(EVENING)
    pipeline.put(order("shipped"))
    (waiting,) = pipeline.deliveries
    assert (waiting.status, waiting.reason) == ("pending", "quiet hours")
    assert waiting.next_attempt_at == datetime(2027, 7, 6, 7, tzinfo=UTC)
    pipeline.settled(pending=1)

    pipeline.advance(timedelta(hours=8, minutes=29))
    assert pipeline.mails == []

    pipeline.advance(timedelta(minutes=1))
    assert [mail.to for mail in pipeline.mails] == ["ana@example.com"]
    pipeline.settled(delivered=1)


def test_what_waits_too_long_expires(pipeline: Pipeline) -> None:
    pipeline.put(order("waits"))
    pipeline.settled(pending=1)
    pipeline.advance(timedelta(hours=1, seconds=1))
    pipeline.settled(expired=1)


def test_a_throttled_request_is_repeated_later(pipeline: Pipeline) -> None:
    pipeline.fail_next(Behaviour.THROTTLE)
    pipeline.put(order("paid"))
    pipeline.settled(pending=1)
    assert pipeline.mails == []
    pipeline.advance(timedelta(minutes=5))
    pipeline.settled(delivered=1)


def test_a_refused_message_has_failed(pipeline: Pipeline) -> None:
    pipeline.fail_next(Behaviour.REFUSE)
    pipeline.put(order("paid"))
    pipeline.settled(failed=1)


def test_a_request_that_does_not_leave_is_repeated_until_the_attempts_are_used_up(pipeline: Pipeline) -> None:
    pipeline.fail_next(Behaviour.UNREACHABLE, times=3)
    pipeline.put(order("paid"))
    for _ in range(3):
        pipeline.advance(timedelta(days=1))
    assert pipeline.mails == []
    assert pipeline.deliveries[0].failures == 3
    pipeline.settled(failed=1)


def test_a_lost_answer_is_settled_by_the_event_of_the_provider(pipeline: Pipeline) -> None:
    pipeline.fail_next(Behaviour.CUT)
    pipeline.put(order("paid"))
    pipeline.advance(timedelta(hours=2))
    assert len(pipeline.mails) == 1
    pipeline.settled(delivered=1)


def test_the_provider_of_another_channel_fails_too(pipeline: Pipeline) -> None:
    pipeline.fail_next(Behaviour.THROTTLE, channel="sms")
    pipeline.put(order("called"))
    pipeline.settled(pending=1)
    pipeline.advance(timedelta(minutes=5))
    (message,) = pipeline.messages
    assert (message.channel, message.to, message.text) == ("sms", "+351912345678", "Hello Ana")
    assert message.request == Sms(to="+351912345678", text="Hello Ana")
    pipeline.settled(sent=1)


def test_a_bounce_suppresses_the_next_mail(pipeline: Pipeline) -> None:
    pipeline.put(order("paid", email="bounce@example.com"))
    pipeline.settled(bounced=1)
    pipeline.put(order("paid", email="bounce@example.com"))
    pipeline.settled(bounced=1, suppressed=1)


def test_two_routes_for_one_event(pipeline: Pipeline) -> None:
    pipeline.put(order("both"))
    assert [(each.channel, each.to) for each in pipeline.messages] == [
        ("email", "ana@example.com"),
        ("chat", "https://hooks.slack.com/x"),
    ]
    pipeline.settled(delivered=1, sent=1)


def test_a_record_that_is_not_accounted_for_is_noticed(pipeline: Pipeline) -> None:
    pipeline.put(order("paid"))
    with pipeline._engine.begin() as connection:
        connection.execute(
            text("UPDATE shards SET records_read = records_read + 1, records_notified = records_notified + 1")
        )
    with pytest.raises(AssertionError, match="not every record of the shard"):
        pipeline.settled()


def test_who_unsubscribes_gets_no_further_mail_about_the_topic(pipeline: Pipeline) -> None:
    pipeline.put(order("offer"))
    pipeline.unsubscribe(pipeline.mails[0])
    pipeline.put(order("offer"))
    pipeline.put(order("paid"))
    pipeline.settled(delivered=2, suppressed=1)
    with pytest.raises(AssertionError, match="has no link to unsubscribe"):
        pipeline.unsubscribe(pipeline.mails[1])


def test_an_end_state_that_is_not_the_expected_one_is_shown(pipeline: Pipeline) -> None:
    pipeline.at(EVENING)
    pipeline.put_all([order("shipped"), order("paid")])
    with pytest.raises(AssertionError) as wrong:
        pipeline.settled()
    assert "pending: 1, expected 0, as everything is to end" in str(wrong.value)
    assert "shipped by email: pending, until 2027-07-06 07:00:00 UTC: quiet hours" in str(wrong.value)
    with pytest.raises(AssertionError, match="delivered: 1, expected 2"):
        pipeline.settled(delivered=2)
    with pytest.raises(AssertionError, match="there is no status done"):
        pipeline.settled(done=2)
    with pytest.raises(AssertionError, match=r"no status deliverd: did you mean delivered\?"):
        pipeline.settled(deliverd=1)


def test_a_table_and_a_channel_that_no_route_has_are_refused(pipeline: Pipeline) -> None:
    with pytest.raises(UsageError, match="no route is for the table 'order': they are for orders"):
        pipeline.put(order("paid"), table="order")
    with pytest.raises(UsageError, match="no route is on the channel 'push': they are on chat, email, sms"):
        pipeline.fail_next(Behaviour.REFUSE, channel="push")
    assert pipeline.deliveries == []


def test_a_mail_that_is_accepted_twice_is_noticed(pipeline: Pipeline) -> None:
    pipeline.put(order("paid"))
    (receipt,) = pipeline._ses.receipts()
    pipeline._ses._mails.receipts.append(receipt)
    with pytest.raises(AssertionError, match="accepted 2 messages of it, not 1"):
        pipeline.settled()


def test_a_test_with_a_fixed_date_passes_in_all_years(pipeline: Pipeline) -> None:
    pipeline.at(datetime(2017, 7, 5, 22, 30, tzinfo=UTC))
    pipeline.put(order("shipped"))
    pipeline.settled(pending=1)
    pipeline.advance(timedelta(hours=9))
    pipeline.settled(delivered=1)
    assert pipeline.now == datetime(2017, 7, 6, 7, 30, tzinfo=UTC)


def test_the_clock_does_not_go_back_behind_a_record(pipeline: Pipeline) -> None:
    pipeline.put(order("paid"))
    with pytest.raises(UsageError, match=r"does not go back to [-0-9]+ [:0-9]+ UTC: "):
        pipeline.at(pipeline.now - timedelta(seconds=1))
    with pytest.raises(UsageError, match="time zone"):
        pipeline.at(datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(UsageError, match="not HANG"):
        pipeline.fail_next(Behaviour.HANG)


def test_copies_are_told_from_recipients(pipeline: Pipeline) -> None:
    pipeline.put(order("copied"))
    (mail,) = pipeline.mails
    assert (mail.to, mail.cc, mail.bcc) == ("ana@example.com, bo@example.com", "desk@example.com", "log@example.com")
    run = run_route(copied, event_of("orders", new=order("copied")), templates=pipeline._settings.templates)
    assert (run.message.to, run.message.cc, run.message.bcc) == (mail.to, mail.cc, mail.bcc)


def test_objects_of_s3_are_those_of_the_test(pipeline: Pipeline) -> None:
    pipeline.put(order("invoiced"))
    (missing,) = pipeline.deliveries
    assert missing.reason == "AttachmentError: a file cannot be read from S3, bucket invoices: NoSuchKey"
    pipeline.s3["s3://invoices/17.pdf"] = b"%PDF"
    pipeline.advance(timedelta(hours=1))
    assert pipeline.mails[0].attachments == ("invoice.pdf",)
    pipeline.settled(delivered=1)


def test_processes_that_share_a_redis_use_databases_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def databases(worker: int, count: int) -> set[int]:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(count))
        return set(servers._own_databases())

    assert databases(0, 3) | databases(1, 3) | databases(2, 3) == set(range(16))
    assert not databases(0, 3) & databases(1, 3)
    monkeypatch.setenv("NOTIFIER_TEST_BROKER_URL", "redis://localhost")
    with pytest.raises(UsageError, match="-n 16 at most"):
        databases(3, 17)
    monkeypatch.delenv("NOTIFIER_TEST_BROKER_URL")
    assert databases(16, 17)


def test_parameters_of_the_given_database_are_kept() -> None:
    url = servers._database("postgresql://me@/postgres?host=/tmp", "kit", "options=x")
    assert url == "postgresql://me@/kit?host=/tmp&options=x"


def test_days_pass_in_the_clock_of_the_database(pipeline: Pipeline) -> None:
    pipeline.at(EVENING - timedelta(hours=2))
    for _ in range(3):
        pipeline.put(order("paid"))
        pipeline.advance(timedelta(days=40))
    pipeline.settled(delivered=3)
    assert pipeline.now == EVENING - timedelta(hours=2) + timedelta(days=120)
