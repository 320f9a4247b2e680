"""A route with several channels: the next one is used only if the one before is known not to have sent."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import exc

from notifier import Email, Event, Push, RetryPolicy, Sms, route
from notifier.errors import RoutesError
from notifier.notifications import Status
from notifier.outbox import Attempts, ChannelStates, Operations, Publications, Report, Search, Selection, Suppressions
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Unknown
from notifier.routes import Route, Routes, routes_of
from notifier.routes.loading import check_channels
from notifier.testing import channel_settings
from simulators.push import PushFault, PushSimulator
from tests.bridge.stream.records import record
from tests.outbox.conftest import engine, rows
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.building.preparer import Preparer
from workers.building.recipients import Recipients
from workers.channels.push.fcm import FcmChannel
from workers.channels.sms import SmsChannel
from workers.collaborators import Collaborators
from workers.decide import LeftPending
from workers.deliverer import Deliverer
from workers.process.in_progress import InProgress
from workers.process.stop import Stop, Stopped
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket

__all__ = ["engine", "env", "rows", "ses", "templates_path"]

CHANNELS = ["push", "sms", "email"]
TOKEN, NUMBER, TO = "registration-token:0123456789", "+351912345678", "ana@example.com"


def shipped(event: Event, channel: str) -> Push | Sms | Email | None:
    item = event.new or {}
    match channel:
        case "push":
            return Push(to=item["token"], text="Shipped") if item["token"] else None
        case "sms":
            return Sms(to=item["phone"], text="Shipped")
    return Email(to=item["to"], template="hello", context={"name": "Ana"})


class Fake:
    """A channel that answers what the test says."""

    one_provider = True

    def __init__(self, request_type: type, *outcomes: Outcome) -> None:
        self.request_type = request_type
        self.outcomes = list(outcomes)
        self.sent: list[Any] = []

    address = staticmethod(str)

    def rate(self) -> float | None:
        return None

    def render(self, request: Any, _: object) -> Any:
        return request

    def send(self, messages: Any) -> list[Outcome]:
        self.sent += [each.request for each in messages]
        return [self.outcomes.pop(0) for _ in messages]

    def close(self) -> None: ...


class Steps:
    """Workers of several channels over one outbox."""

    def __init__(self, env: Environment, build: Callable[..., Any] = shipped, **options: Any) -> None:
        self.env = env
        self.rows = env.rows
        options = {"channel": CHANNELS, "retry": RetryPolicy(attempts=2, base=0.0), **options}
        made = route(table="activity", name="a_route", **options)(build)
        self.route: Route = routes_of(made)[0]
        self.routes = Routes([self.route])
        self._buckets: list[TokenBucket] = []

    def worker(
        self,
        name: str,
        channel: Any,
        recipients: Recipients | None = None,
        *,
        attempts: Attempts | None = None,
        in_progress: InProgress | None = None,
        stop: Stop | None = None,
    ) -> Deliverer:
        bucket = TokenBucket(self.env.settings.broker_url.get_secret_value(), name, channel.rate)
        self._buckets.append(bucket)
        return Deliverer(
            Collaborators(
                attempts=attempts or Attempts(self.rows.engine, channel=name, worker=f"{name}-worker"),
                channel=channel,
                routes=self.routes,
                preparer=Preparer(channel, self.routes, self.env.templates, recipients=recipients, name=name),
                in_progress=in_progress or InProgress(),
                account=AccountState(ChannelStates(self.rows.engine, actor=name, probe_seconds=0.0), name),
                bucket=bucket,
                lease_seconds=60.0,
                stop=Stop() if stop is None else stop,
            )
        )

    def pending(self, **item: str) -> UUID:
        (id_,) = self.rows.pending()
        values = {"token": TOKEN, "phone": NUMBER, "to": TO, **item}
        stored = json.dumps(record(1, **{name: {"S": value} for name, value in values.items()})).encode()
        self.rows.run("UPDATE notifications SET record = :r, channel = :c", r=stored, c=self.route.channel)
        self.rows.run("UPDATE publications SET channel = :c, due_at = now()", c=self.route.channel)
        return id_

    def published(self) -> list[str]:
        """The queues in which something is to be sent now."""
        publications = Publications(self.rows.engine, look_again=0.0)
        publications.publish_due_retries(100)
        return [queue for queue in CHANNELS if any(each.waiting for each in publications.take_due(queue, 100))]

    def close(self) -> None:
        for each in self._buckets:
            each.close()


@pytest.fixture
def steps(env: Environment) -> Iterator[Callable[..., Steps]]:
    made: list[Steps] = []

    def make(build: Callable[..., Any] = shipped, **options: Any) -> Steps:
        made.append(Steps(env, build, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_dead_token_then_suppressed_number_then_one_mail(
    steps: Callable[..., Steps], env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way with real channels: exactly one accepted message, and the history says why."""
    found = steps()
    id_ = found.pending()
    Suppressions(env.rows.engine, actor="eva").add("sms", NUMBER, reason="manual")
    with PushSimulator() as fcm:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(fcm.key_file(tmp_path)))
        fcm.faults = [PushFault(404, "UNREGISTERED")]
        channel = FcmChannel(channel_settings(fcm_endpoint_url=fcm.url))
        push = found.worker("push", channel)
        assert found.published() == ["push"]
        assert push.deliver([id_])[id_].to is Status.PENDING
        assert found.published() == ["sms"]
        assert push.deliver([id_]) == {}, "its message comes a second time"
        channel.close()
        assert (fcm.requests, fcm.pushes) == (1, [])
    sms = SmsChannel(channel_settings(aws_region="eu-west-1"))
    assert found.worker("sms", sms).deliver([id_])[id_].to is Status.PENDING
    sms.close()
    assert found.published() == ["email"]
    assert found.worker("email", env.channel).deliver([id_])[id_].to is Status.SENT
    assert found.published() == []

    (mail,) = env.mails(id_)
    assert (mail["to"], mail["tags"]["att"]) == (TO, "2")
    row = env.rows.delivery(id_)
    assert (row["status"], row["channel"], row["first_channel"]) == ("sent", "email", "push")
    first, second = (each["reason"] for each in env.rows.all("SELECT reason FROM delivery_events ORDER BY at"))
    assert first.startswith("push: 404 UNREGISTERED")
    assert first.endswith("; goes on to sms")
    assert second == "sms: suppressed, manual; goes on to email"
    assert {(each["channel"], each["address"]) for each in env.rows.all("SELECT * FROM suppressions")} == {
        ("push", TOKEN),
        ("sms", NUMBER),
    }
    assert len(env.rows.all("SELECT * FROM notifications")) == 1
    (listed,) = Search(env.rows.engine).page(Selection(channel="email")).rows
    assert listed["channel"] == "email"
    assert Search(env.rows.engine).page(Selection(channel="push")).rows == []
    assert env.rows.balanced()
    assert Report(env.rows.engine).totals()["sent"] == 1


def test_where_there_is_nothing_to_send_the_next_channel_is_used(steps: Callable[..., Steps]) -> None:
    found = steps()
    id_ = found.pending(token="")
    assert found.worker("push", Fake(Push)).deliver([id_])[id_].to is Status.PENDING
    assert found.rows.delivery(id_)["reason"] == "push: the route returned None; goes on to sms"


def test_the_last_channel_ends_it(steps: Callable[..., Steps]) -> None:
    found = steps(channel=["push", "sms"])
    id_ = found.pending(token="")
    found.worker("push", Fake(Push)).deliver([id_])
    fake = Fake(Sms, Rejected("no such number"))
    assert found.worker("sms", fake).deliver([id_])[id_].to is Status.FAILED
    assert found.rows.balanced()
    list(Operations(found.rows.engine, actor="eva").redrive(Selection(), "mended", per_second=1000.0))
    assert found.rows.delivery(id_)["channel"] == "push"


def test_retries_of_one_channel_are_used_up_first(steps: Callable[..., Steps]) -> None:
    found = steps()
    id_ = found.pending()
    worker = found.worker("push", Fake(Push, NotSent("away"), NotSent("away")))
    worker.deliver([id_])
    assert found.rows.delivery(id_)["channel"] is None
    worker.deliver([id_])
    row = found.rows.delivery(id_)
    assert (row["status"], row["channel"], row["failures"]) == ("pending", "sms", 0)


@pytest.mark.parametrize("token", [TOKEN, ""], ids=["refused", "nothing to send"])
def test_a_step_whose_answer_was_lost_is_reported_as_a_step(
    steps: Callable[..., Steps], monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """The database made it, and the connection broke: the repeated statement finds nothing to change."""
    found = steps()
    id_ = found.pending(token=token)
    attempts = Attempts(found.rows.engine, channel="push", worker="push-worker")
    fall_back, calls = attempts.fall_back, []

    def cut(*arguments: Any, **options: Any) -> set[UUID]:
        calls.append(fall_back(*arguments, **options))
        if len(calls) == 1:
            raise exc.OperationalError("", {}, ConnectionResetError("cut"), connection_invalidated=True)
        return calls[-1]

    monkeypatch.setattr(attempts, "fall_back", cut)
    worker = found.worker("push", Fake(Push, Rejected("no such device")), attempts=attempts)
    assert worker.deliver([id_])[id_].to is Status.PENDING
    assert calls == [{id_}, {id_}]
    assert found.rows.delivery(id_)["channel"] == "sms"


class Failing(Attempts):
    """The outbox of push with a step that fails once, after `before` was called."""

    def __init__(
        self, steps: Steps, method: str, error: Exception, before: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(steps.rows.engine, channel="push", worker="push-worker")
        self._good = getattr(super(), method)
        self._errors = [error]
        self._before = before
        setattr(self, method, self._once)

    def _once(self, *arguments: Any, **options: Any) -> Any:
        if not self._errors:
            return self._good(*arguments, **options)
        self._before()
        raise self._errors.pop()


def suppressed_and_good(steps: Steps) -> tuple[UUID, UUID]:
    suppressed, good = steps.pending(), steps.pending()
    values = {"token": "another-token:0123456789", "phone": NUMBER, "to": TO}
    stored = json.dumps(record(1, **{name: {"S": value} for name, value in values.items()})).encode()
    steps.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :good", r=stored, good=good)
    Suppressions(steps.rows.engine, actor="eva").add("push", TOKEN, reason="manual")
    return suppressed, good


@pytest.mark.parametrize("method", ["why_suppressed", "fall_back"])
def test_a_step_of_others_that_fails_while_the_worker_ends_stops_no_request(
    steps: Callable[..., Steps], method: str
) -> None:
    """What did not go on is given back to the broker, and the next worker takes it on."""
    found, stop = steps(), Stop()
    suppressed, good = suppressed_and_good(found)
    away = exc.OperationalError("", {}, ConnectionResetError("cut"), connection_invalidated=True)
    attempts = Failing(found, method, away, stop.set)
    push = found.worker("push", Fake(Push, Accepted("p-1")), attempts=attempts, stop=stop)

    with pytest.raises(Stopped) as stopped:
        push.deliver([suppressed, good])

    assert {id_: each.to for id_, each in stopped.value.changes.items()} == {good: Status.SENT}
    assert stopped.value.left == {suppressed}
    assert (found.rows.status(good), found.rows.status(suppressed)) == (Status.SENT, Status.PENDING)
    assert found.worker("push", Fake(Push)).deliver([suppressed])[suppressed].to is Status.PENDING
    assert found.rows.delivery(suppressed)["channel"] == "sms"


@pytest.mark.parametrize("method", ["why_suppressed", "fall_back"])
def test_a_step_of_others_that_the_database_refuses_is_taken_later(steps: Callable[..., Steps], method: str) -> None:
    """The relay finds what did not go on by its publication, which is still there."""
    found = steps()
    suppressed, good = suppressed_and_good(found)
    attempts = Failing(found, method, exc.ProgrammingError("", {}, Exception("permission denied")))
    push = found.worker("push", Fake(Push, Accepted("p-1")), attempts=attempts)

    done = push.deliver([suppressed, good])

    assert (done[good].to, done[suppressed].to) == (Status.SENT, Status.PENDING)
    assert isinstance(done[suppressed], LeftPending)
    assert (found.rows.status(good), found.rows.delivery(suppressed)["channel"]) == (Status.SENT, None)
    assert found.published() == ["push"]
    assert push.deliver([suppressed])[suppressed].to is Status.PENDING
    assert found.published() == ["sms"]
    assert found.rows.balanced()


def test_a_process_of_both_channels_sends_it_while_the_rest_of_its_unit_is_in_progress(
    steps: Callable[..., Steps],
) -> None:
    found = steps()
    slow, id_ = found.pending(), found.pending(token="")  # which writes the item of both
    stored = json.dumps(record(1, token={"S": TOKEN}, phone={"S": NUMBER}, to={"S": TO})).encode()
    found.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :slow", r=stored, slow=slow)
    process, answered, asked = InProgress(), threading.Event(), threading.Event()

    class Slow(Fake):
        def send(self, messages: Any) -> list[Outcome]:
            asked.set()
            assert answered.wait(20)
            return super().send(messages)

    push = found.worker("push", Slow(Push, Accepted("p-1")), in_progress=process.of("push"))
    sms = found.worker("sms", Fake(Sms, Accepted("s-1")), in_progress=process.of("sms"))
    with ThreadPoolExecutor(1) as threads:
        unit = threads.submit(push.deliver, [slow, id_])
        try:
            assert asked.wait(20)
            assert process.count() == 2
            assert sms.deliver([id_])[id_].to is Status.SENT
        finally:
            answered.set()
        assert unit.result(20)[slow].to is Status.SENT
    assert process.count() == 0


@pytest.mark.parametrize("says", [Push(to=TOKEN, text="Shipped"), None], ids=["another message", "nothing"])
def test_a_worker_of_an_older_version_gives_back_what_has_gone_on_to_a_channel_that_it_does_not_name(
    steps: Callable[..., Steps], says: Push | None
) -> None:
    found = steps()
    id_ = found.pending(token="")
    found.worker("push", Fake(Push)).deliver([id_])

    def older(event: Event) -> Push | None:
        return says

    old = steps(older, channel="push", retry=RetryPolicy(attempts=1))
    assert old.worker("sms", Fake(Sms)).deliver([id_])[id_].to is Status.PENDING

    row = found.rows.delivery(id_)
    assert (row["status"], row["channel"], row["failures"]) == ("pending", "sms", 0)
    assert "has no channel sms" in row["reason"]
    found.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    assert found.worker("sms", Fake(Sms, Accepted("s-1"))).deliver([id_])[id_].to is Status.SENT


def test_an_unknown_outcome_stays_where_it_is(steps: Callable[..., Steps]) -> None:
    found = steps()
    id_ = found.pending()
    assert found.worker("push", Fake(Push, Unknown("cut"))).deliver([id_])[id_].to is Status.UNKNOWN
    assert found.rows.delivery(id_)["channel"] is None
    assert found.published() == []


def test_a_parked_and_a_paused_channel_keep_what_waits(steps: Callable[..., Steps]) -> None:
    found = steps()
    id_ = found.pending()
    found.worker("push", Fake(Push, Blocked("unpaid"))).deliver([id_])
    row = found.rows.delivery(id_)
    assert (row["status"], row["channel"]) == ("pending", None)
    ChannelStates(found.rows.engine, actor="eva").pause("push", "for a moment")
    found.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    found.worker("push", Fake(Push)).deliver([id_])
    assert found.rows.delivery(id_)["channel"] is None


def test_a_route_that_raises_on_one_channel_goes_on_when_its_tries_are_used_up(steps: Callable[..., Steps]) -> None:
    def broken(event: Event, channel: str) -> Any:
        if channel == "push":
            raise LookupError("no devices")
        return shipped(event, channel)

    found = steps(broken)
    id_ = found.pending()
    worker = found.worker("push", Fake(Push))
    worker.deliver([id_])
    worker.deliver([id_])
    assert found.rows.delivery(id_)["reason"] == "push: LookupError; goes on to sms"


def test_in_shadow_the_channel_that_would_send_keeps_the_message(steps: Callable[..., Steps]) -> None:
    found = steps(shadow=True)
    id_ = found.pending()
    Suppressions(found.rows.engine, actor="eva").add("push", TOKEN, reason="manual")
    fake = Fake(Sms)
    found.worker("push", Fake(Push)).deliver([id_])
    assert found.worker("sms", fake).deliver([id_])[id_].to is Status.SHADOWED
    assert (found.rows.delivery(id_)["recipient"], fake.sent) == (NUMBER, [])


def test_a_restriction_of_the_set_up_ends_it(steps: Callable[..., Steps]) -> None:
    """With NOTIFIER_ONLY_TO nothing is sent by another channel than without it."""
    found = steps()
    id_ = found.pending()
    only = Recipients("push", [NUMBER], None, redirects=False)
    found.worker("push", Fake(Push), only).deliver([id_])
    assert found.rows.status(id_) is Status.SKIPPED


def test_a_suppressed_mailbox_gets_nothing_by_the_other_provider_of_mail(steps: Callable[..., Steps]) -> None:
    def mail(event: Event) -> Email:
        return Email(to=TO, template="hello", context={"name": "Ana"})

    found = steps(mail, channel=["email", "smtp"])
    suppressed, refused = found.pending(), found.pending()
    Suppressions(found.rows.engine, actor="eva").add("email", TO, reason="manual")
    found.worker("email", Fake(Email)).deliver([suppressed])
    assert found.rows.status(suppressed) is Status.SUPPRESSED
    Suppressions(found.rows.engine, actor="eva").remove("email", TO)
    found.worker("email", Fake(Email, Rejected("spam"))).deliver([refused])
    assert found.rows.delivery(refused)["channel"] == "smtp"
    assert found.worker("smtp", Fake(Email, Rejected("spam"))).deliver([refused])[refused].to is Status.FAILED


@pytest.mark.parametrize(
    ("channel", "said"),
    [([], "names no channel"), (["push", "push"], "names push twice"), (["push", 5], "is not text")],
)
def test_wrong_lists_of_channels_are_refused(channel: Any, said: str) -> None:
    with pytest.raises(RoutesError, match=said):
        route(table="activity", channel=channel)(shipped)


@pytest.mark.parametrize(
    ("channels", "refused"), [(["email", "sms", "smtp"], True), (["sms", "email", "smtp", "push"], False)]
)
def test_channels_of_mail_stand_side_by_side(channels: list[str], refused: bool) -> None:
    """Otherwise a mailbox that is suppressed on the first of them would get a mail by the last one."""

    def one(event: Event, channel: str) -> Sms:
        raise NotImplementedError

    routes = routes_of(route(table="activity", channel=channels)(one))
    said = pytest.raises(RoutesError, match="smtp sends mail, as email does: name it right after email")
    with said if refused else nullcontext():
        check_channels(routes)


def test_a_function_for_several_kinds_of_messages_must_be_told_the_channel() -> None:
    def one(event: Event) -> Push:
        raise NotImplementedError

    route(table="activity", channel=["push", "sms"])(one)
    with pytest.raises(RoutesError, match="Push and Sms: give the function a parameter `channel`"):
        check_channels(routes_of(one))

    def mail(event: Event) -> Email:
        raise NotImplementedError

    route(table="activity", channel=["email", "smtp"])(mail)
    check_channels(routes_of(mail))
    with pytest.raises(RoutesError, match="must take one argument"):
        route(table="activity", channel="push")(shipped)
