"""What is checked before every attempt: the channel's state, its rate, and whether the provider answers."""

from typing import Any

import pytest

from notifier import Email
from notifier.notifications import Status
from notifier.outbox import ChannelStates, Report, Suppressions
from notifier.outcomes import Accepted, Blocked, Late, Offline, Outcome, Throttled, Unknown
from notifier.retry import RetryPolicy
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Environment, env
from workers.sending.bucket import TokenBucket
from workers.sending.reachability import Reachability

__all__ = ["engine", "env", "rows"]


def test_a_blocked_account_parks_the_channel_and_a_probe_reopens_it(env: Environment) -> None:
    ids = env.pending("ana@example.com", "bo@example.com", "cy@example.com")
    deliverer = env.deliverer()
    env.fault(kind="refuse", code="SendingPausedException", message="Sending is paused.", status=400, times=2)
    channels = ChannelStates(env.rows.engine, actor="test")

    deliverer.deliver(ids[:1])
    assert channels.state("email").state == "parked"
    assert "Sending is paused" in (channels.state("email").reason or "")

    changes = deliverer.deliver(ids[1:])  # the probe is refused too; the other one is not tried
    assert channels.state("email").state == "parked"
    assert {each.to for each in changes.values()} == {Status.PENDING}
    assert [env.rows.delivery(id_)["attempt"] for id_ in ids] == [1, 1, 0]
    assert {env.rows.delivery(id_)["failures"] for id_ in ids} == {0}

    env.rows.run("UPDATE channels SET probe_at = now()")
    assert deliverer.deliver(ids[2:])[ids[2]].to is Status.SENT
    assert channels.state("email").runs
    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'pending'")
    deliverer.deliver(ids)
    assert [len(env.mails(id_)) for id_ in ids] == [1, 1, 1]


def test_a_sender_of_a_routes_own_that_ses_does_not_know_parks_nothing_and_fails_in_the_end(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.fault(kind="refuse", code="MessageRejected", message="Email address is not verified.", status=400, times=2)
    deliverer = env.deliverer(
        lambda event: Email("ana@example.com", "hello", {"name": "Ana"}, sender="x@example.com")
    )

    assert [deliverer.deliver([id_])[id_].to for _ in range(2)] == [Status.PENDING, Status.FAILED]
    assert "verify the identity" in env.rows.delivery(id_)["reason"]
    assert ChannelStates(env.rows.engine, actor="test").state("email").runs


def test_only_one_worker_sends_the_probe(env: Environment) -> None:
    ids = env.pending("ana@example.com", "bo@example.com")
    channels = ChannelStates(env.rows.engine, actor="test", probe_seconds=0.0)
    channels.park("email", "paused")
    slow = ChannelStates(env.rows.engine, actor="test", probe_seconds=3600.0)
    assert slow.claim_probe("email")

    assert {each.to for each in env.deliverer().deliver(ids).values()} == {Status.PENDING}
    assert [env.mails(id_) for id_ in ids] == [[], []]
    assert [env.rows.delivery(id_)["status"] for id_ in ids] == ["pending", "pending"]


def test_the_probe_is_one_that_is_due(env: Environment) -> None:
    early, ready = env.pending("ana@example.com", "bo@example.com")
    env.rows.run(
        "UPDATE deliveries SET next_attempt_at = now() + interval '1 hour' WHERE notification_id = :id", id=early
    )
    ChannelStates(env.rows.engine, actor="test", probe_seconds=0.0).park("email", "paused")
    deliverer = env.deliverer()

    assert deliverer.deliver([early])[early].to is Status.PENDING  # nothing to probe with: no probe is used up
    assert env.rows.all("SELECT probes FROM channels") == [{"probes": 0}]
    assert deliverer.deliver([early, ready])[ready].to is Status.SENT
    assert ChannelStates(env.rows.engine, actor="test").state("email").runs


def test_a_message_that_leads_to_no_request_is_no_try_of_the_provider(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the provider does not answer, the next try would come only up to 15 seconds later."""
    told: list[Reachability] = []

    def note(reachability: Reachability) -> None:
        told.append(reachability)

    monkeypatch.setattr(Reachability, "nothing_asked", note)
    suppressed, fine = env.pending("ana@example.com", "bo@example.com")
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="manual")
    deliverer = env.deliverer()
    deliverer.deliver([fine])
    assert told == []
    deliverer.deliver([suppressed])
    assert len(told) == 1


def test_a_paused_channel_sends_no_probe_either(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    ChannelStates(env.rows.engine, actor="test").pause("email", "a wrong template")

    (change,) = env.deliverer().deliver([id_]).values()

    assert (change.to, change.reason) == (Status.PENDING, "the channel is paused: a wrong template")
    assert env.mails(id_) == []
    assert Report(env.rows.engine).events(id_) == []


def test_a_suppressed_recipient_gets_nothing_whatever_its_spelling(env: Environment) -> None:
    ids = env.pending("Ana <ANA@example.com>", "bo@example.com")
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="manual")

    changes = env.deliverer().deliver(ids)

    assert [changes[id_].to for id_ in ids] == [Status.SUPPRESSED, Status.SENT]
    assert [len(env.mails(id_)) for id_ in ids] == [0, 1]
    (event,) = Report(env.rows.engine).events(ids[0])
    assert (event["status_to"], event["reason"]) == ("suppressed", "manual")


@pytest.mark.parametrize(("transactional", "mails"), [(True, 1), (False, 0)])
def test_a_transactional_route_ignores_an_opt_out(env: Environment, transactional: bool, mails: int) -> None:
    (id_,) = env.pending("ana@example.com")
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="unsubscribe", topic="news")
    env.deliverer(topic="news", transactional=transactional).deliver([id_])
    assert len(env.mails(id_)) == mails


def test_an_opt_out_of_one_topic_leaves_the_others(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="unsubscribe", topic="news")
    assert env.deliverer(topic="invoices").deliver([id_])[id_].to is Status.SENT


def test_an_event_that_is_too_old_expires_unsent(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    assert env.deliverer(expires_after=0.001).deliver([id_])[id_].to is Status.EXPIRED
    assert env.mails(id_) == []
    (event,) = Report(env.rows.engine).events(id_)
    assert event["status_to"] == "expired"


def test_a_throttled_unit_slows_down_the_pool_and_burns_no_attempt(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.fault(kind="throttle", times=1)
    deliverer = env.deliverer()

    deliverer.deliver([id_])

    assert env.bucket.take(1).seconds > 0.5
    row = env.rows.delivery(id_)
    assert (row["status"], row["failures"]) == ("pending", 0)


def test_the_rate_is_kept_within_a_unit(env: Environment, broker_url: str) -> None:
    env.bucket = TokenBucket(broker_url, "email", lambda: 2.0, headroom=0.0)
    ids = env.pending(*(f"{n}@example.com" for n in range(3)))
    sizes: list[int] = []
    send = env.channel.send
    env.channel.send = lambda messages: [sizes.append(len(messages)), send(messages)][1]

    env.deliverer().deliver(ids)

    assert max(sizes) <= 2
    assert sum(len(env.mails(id_)) for id_ in ids) == 3


class Silent:
    """A channel whose requests all have one outcome, which the test sets."""

    def __init__(self, channel: Any, outcome: Outcome) -> None:
        self._channel = channel
        self.outcome = outcome
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, messages: Any) -> list[Outcome]:
        self.asked.append(len(messages))
        return [self.outcome] * len(messages)


def test_a_message_that_its_worker_sent_too_late_does_not_slow_the_pool(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.channel = Silent(env.channel, Late("too slow for this many messages at once"))

    env.deliverer().deliver([id_])

    assert env.bucket.take(1).seconds < 0.5
    row = env.rows.delivery(id_)
    assert (row["status"], row["failures"]) == ("pending", 0)


def test_a_receiver_that_is_always_too_busy_fails_in_the_end_and_holds_up_no_other(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.channel = Silent(env.channel, Throttled("429 Too Many Requests"))
    env.channel.one_provider = False
    deliverer = env.deliverer(retry=RetryPolicy(attempts=2, base=0.0))

    assert [deliverer.deliver([id_])[id_].to for _ in range(2)] == [Status.PENDING, Status.FAILED]
    assert env.bucket.take(1).seconds < 0.5


def test_an_outage_leaves_rows_alone_and_costs_no_attempt(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.sending.sender._TURN_SECONDS", 0.0)
    first = env.pending(*(f"{n}@example.com" for n in range(10)))
    rest = env.pending(*(f"{n}@example.com" for n in range(10, 20)))
    env.channel = Silent(env.channel, Offline("refused"))
    deliverer = env.deliverer()

    deliverer.deliver(first)
    waiting = deliverer.deliver(rest)

    assert env.channel.asked == [10]
    assert {each.to for each in waiting.values()} == {Status.PENDING}
    assert {env.rows.delivery(id_)["attempt"] for id_ in rest} == {0}
    assert {env.rows.delivery(id_)["failures"] for id_ in first} == {0}
    assert ChannelStates(env.rows.engine, actor="test").state("email").runs  # other workers may reach it
    assert Report(env.rows.engine).audit()[1] == []


def test_a_provider_that_loses_every_answer_is_asked_by_one_message_at_a_time(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.sending.sender._TURN_SECONDS", 5.0)
    monkeypatch.setattr("workers.sending.reachability._FIRST_SECONDS", 0.01)
    first = env.pending(*(f"{n}@example.com" for n in range(10)))
    rest = env.pending(*(f"{n}@example.com" for n in range(10, 20)))
    env.channel = Silent(env.channel, Unknown("cut"))
    deliverer = env.deliverer()
    deliverer.deliver(first)
    env.channel.outcome = Accepted("m-1")

    deliverer.deliver(rest)

    assert env.channel.asked == [10, 1, 9]


def test_a_blocked_outcome_does_not_count_against_the_message(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.channel = Silent(env.channel, Blocked("suspended"))
    env.deliverer().deliver([id_])
    assert env.rows.delivery(id_)["failures"] == 0
