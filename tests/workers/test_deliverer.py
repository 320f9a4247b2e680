"""A unit from its rows in Postgres to the journal of an SES that speaks HTTP."""

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from sqlalchemy import exc
from structlog.testing import capture_logs

from notifier import Email, Event, RetryPolicy, route
from notifier.messages import Message
from notifier.notifications import Status, created_ms
from notifier.outbox import Attempts, ChannelStates, Digests, Recipient, end_leases
from notifier.outcomes import Accepted, Outcome
from notifier.routes import Build, Routes, routes_of
from notifier.settings import Settings
from notifier.templates import Templates
from sandbox.embedded.ses import SesServer
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows
from tests.waiting import wait_until
from workers.building.attachments import AttachmentReader
from workers.building.preparer import Preparer
from workers.building.recipients import Recipients
from workers.channels.ses import SesChannel
from workers.collaborators import Collaborators
from workers.deliverer import Deliverer
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.process.in_progress import InProgress
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.tally import Count


def hello(event: Event) -> Email | None:
    item = event.new or {}
    return Email(to=item["to"], template="hello", context={"name": item["name"]})


class Environment:
    """A deliverer of email with a route of the test, and the state of its deliveries in the database and at SES."""

    def __init__(self, rows: Rows, ses: SesServer, templates: Path, broker_url: str) -> None:
        self.rows, self.ses = rows, ses
        self.settings = Settings.model_validate(
            {
                "database_url": "postgresql://unused",
                "broker_url": broker_url,
                "aws_ses_endpoint_url": ses.url,
                "aws_region": "eu-west-1",
                "sender": "us@example.com",
                "ses_configuration_set": "notifier",
            }
        )
        self.channel: Any = SesChannel(self.settings)
        self.templates = Templates(templates)
        self.attempts: Any = rows.attempts()
        self.lease_seconds = 60.0
        self.in_progress = InProgress()
        self.account = AccountState(ChannelStates(rows.engine, actor="worker-1", probe_seconds=0.0), "email")
        self.bucket = TokenBucket(broker_url, "email", self.channel.rate)

    def deliverer(
        self,
        build: Build = hello,
        stop: Stop | None = None,
        *,
        isolated: IsolatedBuilds | None = None,
        sets_aside: bool = False,
        recipients: Recipients | None = None,
        attachments: AttachmentReader | None = None,
        count: Count | None = None,
        **options: Any,
    ) -> Deliverer:
        options = {"retry": RetryPolicy(attempts=2, base=0.0), "name": "a_route", **options}
        made = route(table="activity", channel="email", **options)(build)
        routes = Routes(routes_of(made)[:1])  # `build` may have served another test
        preparer = Preparer(
            self.channel, routes, self.templates, recipients=recipients, attachments=attachments, name="email"
        )
        return Deliverer(
            Collaborators(
                attempts=self.attempts,
                channel=self.channel,
                routes=routes,
                preparer=preparer,
                in_progress=self.in_progress,
                account=self.account,
                bucket=self.bucket,
                lease_seconds=self.lease_seconds,
                stop=Stop() if stop is None else stop,
                isolated=isolated,
                sets_aside=sets_aside,
                count=count,
                digests=Digests(self.rows.engine, channel="email") if routes.has_digests("email") else None,
            )
        )

    def pending(self, *recipients: str) -> list[UUID]:
        ids = self.rows.pending(len(recipients))
        for number, (id_, to) in enumerate(zip(ids, recipients, strict=True)):
            stored = json.dumps(record(number, to={"S": to}, name={"S": "Ana"})).encode()
            self.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)
        return ids

    def mails(self, id_: UUID) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ses.get(f"/_sim/messages?nid={id_}")["messages"]
        return found

    def fault(self, **rule: Any) -> None:
        request = Request(f"{self.ses.url}/_sim/faults", json.dumps([rule]).encode(), method="POST")
        urlopen(request, timeout=5).close()


@pytest.fixture
def env(
    rows: Rows, ses: SesServer, templates_path: Path, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Environment]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    urlopen(Request(f"{ses.url}/_sim/reset", method="POST"), timeout=5).close()
    env = Environment(rows, ses, templates_path, broker_url)
    yield env
    env.channel.close()
    env.bucket.close()


def test_a_unit_becomes_one_mail_each(env: Environment) -> None:
    ids = env.pending("ana@example.com", "bo@example.com")

    changes = env.deliverer().deliver(ids)

    assert {each.to for each in changes.values()} == {Status.SENT}
    for id_, to in zip(ids, ("ana@example.com", "bo@example.com"), strict=True):
        (mail,) = env.mails(id_)
        assert (mail["to"], mail["subject"], mail["configuration_set"]) == (to, "Hello Ana", "notifier")
        assert mail["tags"]["att"] == "1"
        row = env.rows.delivery(id_)
        assert (row["status"], row["provider_message_id"], row["recipient"]) == ("sent", mail["message_id"], to)


def test_a_message_that_comes_twice_is_sent_once(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer()

    assert deliverer.deliver([id_, id_]).keys() == {id_}
    assert deliverer.deliver([id_]) == {}

    assert len(env.mails(id_)) == 1


def test_a_route_that_returns_none_is_recorded_as_skipped(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.deliverer(lambda event: None).deliver([id_])
    assert env.rows.status(id_) is Status.SKIPPED
    assert env.mails(id_) == []


def test_a_route_that_raises_is_tried_again_then_failed_with_its_traceback(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")

    def broken(event: Event) -> Email:
        raise LookupError("the users' database is away")

    deliverer = env.deliverer(broken)
    deliverer.deliver([id_])
    assert env.rows.status(id_) is Status.PENDING
    deliverer.deliver([id_])

    row = env.rows.delivery(id_)
    assert (row["status"], row["failures"], row["attempt"]) == ("failed", 2, 0)
    assert row["reason"] == "LookupError"
    events = env.rows.all("SELECT * FROM delivery_events ORDER BY at")
    assert all("def broken" not in each["detail"] and "in broken" in each["detail"] for each in events)
    assert all("the users' database is away" in each["detail"] for each in events)
    assert [each["status_to"] for each in events] == ["pending", "failed"]


def test_one_bad_notification_stops_no_other(env: Environment) -> None:
    good, bad = env.pending("ana@example.com", "bo@example.com")
    env.rows.run("UPDATE notifications SET record = '{}' WHERE notification_id = :id", id=bad)

    env.deliverer().deliver([good, bad])

    assert (env.rows.status(good), env.rows.status(bad)) == (Status.SENT, Status.PENDING)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda event: Email(to="a@example.com", template="helo"), "TemplateError"),
        (lambda event: Email(to="a@example.com", template="hello"), "TemplateError"),
        (lambda event: "a@example.com", "returned str, its channel sends Email"),
        (lambda event: Email(to=None, template="two"), "gave NoneType as recipient"),  # type: ignore[arg-type]
    ],
)
def test_the_reason_names_what_a_route_returned_wrongly(env: Environment, build: Build, reason: str) -> None:
    (id_,) = env.pending("ana@example.com")
    env.deliverer(build).deliver([id_])
    assert reason in env.rows.delivery(id_)["reason"]


@pytest.mark.parametrize("to", ["a\0@example.com", "\ud800@example.com", "", "a@example.com\r\nBcc: b@example.com"])
def test_an_impossible_address_stops_only_itself(env: Environment, to: str) -> None:
    good, bad = env.pending("ana@example.com", "odd")

    def build(event: Event) -> Email | None:
        ours = hello(event)
        return ours if ours is None or ours.to != "odd" else Email(to=to, template="hello", context={"name": "Bo"})

    env.deliverer(build).deliver([good, bad])
    assert (env.rows.status(good), env.rows.status(bad)) == (Status.SENT, Status.FAILED)


@pytest.mark.parametrize(
    ("rule", "status", "mails"),
    [
        ({"kind": "accept_then_cut"}, Status.UNKNOWN, 1),
        ({"kind": "error_after_accept"}, Status.UNKNOWN, 1),
        ({"kind": "error_before_accept"}, Status.UNKNOWN, 0),
        ({"kind": "throttle"}, Status.PENDING, 0),
        ({"kind": "refuse", "code": "MessageRejected"}, Status.FAILED, 0),
        ({"kind": "refuse", "code": "SendingPausedException"}, Status.PENDING, 0),
    ],
)
def test_what_ses_does_decides_the_status(env: Environment, rule: dict[str, Any], status: Status, mails: int) -> None:
    (id_,) = env.pending("ana@example.com")
    env.fault(times=1, **rule)
    deliverer = env.deliverer()

    deliverer.deliver([id_])
    assert env.rows.status(id_) is status
    deliverer.deliver([id_])  # redelivered by the broker: nothing ambiguous is sent again

    assert len(env.mails(id_)) == mails


def test_a_channel_that_breaks_its_contract_leaves_unknown(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.channel.send = lambda messages: []
    env.deliverer().deliver([id_])
    assert env.rows.status(id_) is Status.UNKNOWN


def test_no_request_leaves_without_a_committed_intent(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    send, seen = env.channel.send, []

    def watching(messages: list[Message[Any, Any]]) -> list[Outcome]:
        seen.append(env.rows.status(id_))  # over another connection: only what is committed
        answers: list[Outcome] = send(messages)
        return answers

    env.channel.send = watching
    env.deliverer().deliver([id_])
    assert seen == [Status.SENDING]


@pytest.mark.parametrize("after", [None, timedelta(hours=6)])
def test_a_message_says_when_it_is_of_no_use_any_more(after: timedelta | None, env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    seen: list[float | None] = []

    def watching(messages: list[Message[Any, Any]]) -> list[Outcome]:
        seen.extend(each.expires_at for each in messages)
        return [Accepted(None)]

    env.channel.send = watching
    env.deliverer(expires_after=after).deliver([id_])
    assert seen == [None if after is None else created_ms(id_) / 1000 + after.total_seconds()]


def test_a_lost_claim_sends_nothing(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")

    class Overtaken(Attempts):
        def load(self, ids: Any) -> Any:
            found = super().load(ids)
            env.rows.attempts("another").begin(uuid.uuid4(), [Recipient(id_, "ana@example.com")], 60)
            return found

    env.attempts = Overtaken(env.rows.engine, channel="email", worker="slow")
    assert env.deliverer().deliver([id_]) == {}
    assert env.mails(id_) == []


@pytest.mark.parametrize("error", [SystemExit("bye"), GeneratorExit()])
def test_whatever_a_route_raises_counts_as_a_failure(env: Environment, error: BaseException) -> None:
    (id_,) = env.pending("ana@example.com")

    def leaving(event: Event) -> Email:
        raise error

    assert env.deliverer(leaving).deliver([id_])[id_].to is Status.PENDING
    assert env.rows.delivery(id_)["failures"] == 1


@pytest.mark.parametrize("breaks", [lambda to: 1 / 0, lambda to: None])
def test_an_address_that_a_channel_does_not_find_stops_only_itself(env: Environment, breaks: Any) -> None:
    good, bad = env.pending("ana@example.com", "odd")
    address = env.channel.address
    env.channel.address = lambda to: breaks(to) if to == "odd" else address(to)

    env.deliverer().deliver([good, bad])

    assert (env.rows.status(good), env.rows.status(bad)) == (Status.SENT, Status.PENDING)
    assert env.rows.delivery(bad)["failures"] == 1


def test_whatever_a_channel_raises_leaves_unknown_and_its_text_out_of_the_log(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")

    def leaving(messages: list[Message[Any, Any]]) -> list[Outcome]:
        raise SystemExit(messages[0].request.to)

    env.channel.send = leaving
    with capture_logs() as logs:
        env.deliverer().deliver([id_])
    row = env.rows.delivery(id_)
    assert (row["status"], row["reason"]) == ("unknown", "the channel raised SystemExit")
    (entry,) = logs
    assert "in leaving" in entry["trace"]
    assert "ana@example.com" not in str(logs)


def test_a_message_that_comes_again_while_its_route_hangs_takes_no_second_thread(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    calls, go_on = [], threading.Event()

    def hanging(event: Event) -> Email | None:
        calls.append(event)
        go_on.wait(60)
        return hello(event)

    deliverer = env.deliverer(hanging)
    first = threading.Thread(target=deliverer.deliver, args=([id_],))
    first.start()
    try:
        wait_until(lambda: calls)
        with capture_logs() as logs:
            assert deliverer.deliver([id_]) == {}
    finally:
        go_on.set()
        first.join(30)
    assert (len(calls), len(env.mails(id_))) == (1, 1)
    assert [(each["log_level"], each["notification"]) for each in logs] == [("warning", str(id_))]


class Faulty(Attempts):
    """An outbox with a fault: the first call of one method raises, after it has done its work (`done`) or before."""

    def __init__(self, env: Environment, method: str, error: Exception, *, done: bool) -> None:
        super().__init__(env.rows.engine, channel="email", worker="faulty")
        self._good = getattr(super(), method)
        self._errors = [error]
        self._done = done
        setattr(self, method, self._once)

    def _once(self, *arguments: Any, **options: Any) -> Any:
        if not self._errors:
            return self._good(*arguments, **options)
        if self._done:
            self._good(*arguments, **options)
        raise self._errors.pop()


class ReadOnly(Exception):
    sqlstate = "25006"


AWAY = [
    exc.OperationalError("", {}, Exception("server closed the connection")),
    exc.TimeoutError("QueuePool limit reached"),
    exc.InternalError("", {}, ReadOnly()),
]


@pytest.mark.parametrize("done", [False, True], ids=["not done", "answer lost"])
@pytest.mark.parametrize("error", AWAY, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("method", ["load", "begin", "finish"])
def test_a_database_that_is_away_for_a_moment_costs_nothing(
    env: Environment, method: str, error: Exception, done: bool
) -> None:
    (id_,) = env.pending("ana@example.com")
    env.attempts = Faulty(env, method, error, done=done)
    assert env.deliverer().deliver([id_])[id_].to is Status.SENT
    assert (env.rows.status(id_), len(env.mails(id_))) == (Status.SENT, 1)


def test_what_happened_is_written_whatever_error_the_database_has_first(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.attempts = Faulty(env, "finish", exc.ProgrammingError("", {}, Exception("permission denied")), done=False)
    env.deliverer().deliver([id_])
    assert env.rows.status(id_) is Status.SENT


def test_a_finish_whose_answer_was_lost_is_no_lost_claim(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.attempts = Faulty(env, "finish", AWAY[0], done=True)
    with capture_logs() as logs:
        env.deliverer().deliver([id_])
    assert [each["log_level"] for each in logs] == ["warning", "info"]


@pytest.mark.parametrize("expired", [False, True], ids=["sending", "unknown"])
def test_a_begin_that_took_too_long_sends_nothing_and_is_tried_again(env: Environment, expired: bool) -> None:
    (id_,) = env.pending("ana@example.com")
    env.lease_seconds = 0.02

    class Slow(Faulty):
        def _once(self, *arguments: Any, **options: Any) -> Any:
            try:
                return super()._once(*arguments, **options)
            except exc.SQLAlchemyError:
                if expired:
                    wait_until(lambda: end_leases(env.rows.engine))
                raise

    env.attempts = Slow(env, "begin", AWAY[0], done=True)
    assert env.deliverer().deliver([id_])[id_].to is Status.PENDING

    row = env.rows.delivery(id_)
    assert (row["status"], row["failures"], env.mails(id_)) == ("pending", 0, [])
    assert row["next_attempt_at"] is not None
    assert env.rows.one("SELECT count(*) AS claims FROM claims")["claims"] == 0


def test_a_change_that_did_not_apply_is_not_reported(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")

    class Overtaken(Attempts):
        def decide(self, changes: Any, **given: Any) -> Any:
            env.rows.attempts("another").begin(uuid.uuid4(), [Recipient(id_, "ana@example.com")], 60)
            return super().decide(changes, **given)

    env.attempts = Overtaken(env.rows.engine, channel="email", worker="slow")
    assert env.deliverer(lambda event: None).deliver([id_]) == {}


def test_a_settled_attempt_is_not_reported_again(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")

    class Overtaken(Attempts):
        def finish(self, token: Any, changes: Any) -> Any:
            env.rows.run("UPDATE deliveries SET token = :t WHERE notification_id = :id", t=uuid.uuid4(), id=id_)
            return super().finish(token, changes)

    env.attempts = Overtaken(env.rows.engine, channel="email", worker="slow")
    assert env.deliverer().deliver([id_]) == {}


def test_the_row_has_the_version_of_the_template_of_the_last_attempt(env: Environment) -> None:
    (id_,) = env.pending("retry@example.com")
    env.fault(kind="refuse", code="InternalFailure", status=400, match={"recipient": "retry@*"}, times=1)
    env.deliverer().deliver([id_])
    first = env.rows.delivery(id_)
    assert first["template"] == env.templates.version("hello")

    (env.templates.folder / "hello" / "subject.txt").write_text("Good day {{ name }}")
    env.templates = Templates(env.templates.folder)
    env.deliverer().deliver([id_])
    second = env.rows.delivery(id_)
    assert second["template"] == env.templates.version("hello") != first["template"]
    assert second["template"].startswith("hello@")


def test_a_delivery_without_a_template_has_no_version(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.deliverer(lambda event: None).deliver([id_])
    assert env.rows.delivery(id_)["template"] is None
