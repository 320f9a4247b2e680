"""Whose turn it is: the channel's state, its rate, and a provider that does not answer, in front of every attempt."""

from typing import Any

import pytest

from notifier import Email
from notifier.notifications import Status
from notifier.outbox import ChannelStates, Report, Suppressions
from notifier.outcomes import Accepted, Blocked, Late, Offline, Outcome, Throttled, Unknown
from notifier.retry import RetryPolicy
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Post, post
from workers.sending.bucket import TokenBucket

__all__ = ["engine", "post", "rows"]


def test_a_blocked_account_parks_the_channel_and_a_probe_reopens_it(post: Post) -> None:
    ids = post.pending("ana@example.com", "bo@example.com", "cy@example.com")
    delivery = post.delivery()
    post.fault(kind="refuse", code="SendingPausedException", message="Sending is paused.", status=400, times=2)
    channels = ChannelStates(post.rows.engine, actor="test")

    delivery.deliver(ids[:1])
    assert channels.state("email").state == "parked"
    assert "Sending is paused" in (channels.state("email").reason or "")

    changes = delivery.deliver(ids[1:])  # the probe is refused, too; the other one is not even tried
    assert channels.state("email").state == "parked"
    assert {each.to for each in changes.values()} == {Status.PENDING}
    assert [post.rows.delivery(id_)["attempt"] for id_ in ids] == [1, 1, 0]
    assert {post.rows.delivery(id_)["failures"] for id_ in ids} == {0}

    post.rows.run("UPDATE channels SET probe_at = now()")
    assert delivery.deliver(ids[2:])[ids[2]].to is Status.SENT
    assert channels.state("email").runs
    post.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'pending'")
    delivery.deliver(ids)
    assert [len(post.mails(id_)) for id_ in ids] == [1, 1, 1]


def test_a_sender_of_a_routes_own_that_ses_does_not_know_parks_nothing_and_fails_in_the_end(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.fault(kind="refuse", code="MessageRejected", message="Email address is not verified.", status=400, times=2)
    delivery = post.delivery(lambda event: Email("ana@example.com", "hello", {"name": "Ana"}, sender="x@example.com"))

    assert [delivery.deliver([id_])[id_].to for _ in range(2)] == [Status.PENDING, Status.FAILED]
    assert "verify the identity" in post.rows.delivery(id_)["reason"]
    assert ChannelStates(post.rows.engine, actor="test").state("email").runs


def test_only_one_worker_sends_the_probe(post: Post) -> None:
    ids = post.pending("ana@example.com", "bo@example.com")
    channels = ChannelStates(post.rows.engine, actor="test", probe_seconds=0.0)
    channels.park("email", "paused")
    slow = ChannelStates(post.rows.engine, actor="test", probe_seconds=3600.0)
    assert slow.claim_probe("email")

    assert {each.to for each in post.delivery().deliver(ids).values()} == {Status.PENDING}
    assert [post.mails(id_) for id_ in ids] == [[], []]
    assert [post.rows.delivery(id_)["status"] for id_ in ids] == ["pending", "pending"]


def test_the_probe_is_one_that_is_due(post: Post) -> None:
    early, ready = post.pending("ana@example.com", "bo@example.com")
    post.rows.run(
        "UPDATE deliveries SET next_attempt_at = now() + interval '1 hour' WHERE notification_id = :id", id=early
    )
    ChannelStates(post.rows.engine, actor="test", probe_seconds=0.0).park("email", "paused")
    delivery = post.delivery()

    assert delivery.deliver([early])[early].to is Status.PENDING  # nothing to probe with: no probe is used up
    assert post.rows.all("SELECT probes FROM channels") == [{"probes": 0}]
    assert delivery.deliver([early, ready])[ready].to is Status.SENT
    assert ChannelStates(post.rows.engine, actor="test").state("email").runs


def test_a_paused_channel_sends_no_probe_either(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    ChannelStates(post.rows.engine, actor="test").pause("email", "a wrong template")

    (change,) = post.delivery().deliver([id_]).values()

    assert (change.to, change.reason) == (Status.PENDING, "the channel is paused: a wrong template")
    assert post.mails(id_) == []
    assert Report(post.rows.engine).events(id_) == []


def test_a_suppressed_recipient_gets_nothing_whatever_its_spelling(post: Post) -> None:
    ids = post.pending("Ana <ANA@example.com>", "bo@example.com")
    Suppressions(post.rows.engine, actor="test").add("email", "ana@example.com", reason="manual")

    changes = post.delivery().deliver(ids)

    assert [changes[id_].to for id_ in ids] == [Status.SUPPRESSED, Status.SENT]
    assert [len(post.mails(id_)) for id_ in ids] == [0, 1]
    (event,) = Report(post.rows.engine).events(ids[0])
    assert (event["status_to"], event["reason"]) == ("suppressed", "manual")


@pytest.mark.parametrize(("transactional", "mails"), [(True, 1), (False, 0)])
def test_a_transactional_route_ignores_an_opt_out(post: Post, transactional: bool, mails: int) -> None:
    (id_,) = post.pending("ana@example.com")
    Suppressions(post.rows.engine, actor="test").add("email", "ana@example.com", reason="unsubscribe", topic="news")
    post.delivery(topic="news", transactional=transactional).deliver([id_])
    assert len(post.mails(id_)) == mails


def test_an_opt_out_of_one_topic_leaves_the_others(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    Suppressions(post.rows.engine, actor="test").add("email", "ana@example.com", reason="unsubscribe", topic="news")
    assert post.delivery(topic="invoices").deliver([id_])[id_].to is Status.SENT


def test_what_is_no_news_any_more_expires_unsent(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    assert post.delivery(expires_after=0.001).deliver([id_])[id_].to is Status.EXPIRED
    assert post.mails(id_) == []
    (event,) = Report(post.rows.engine).events(id_)
    assert event["status_to"] == "expired"


def test_a_throttled_unit_slows_down_the_pool_and_burns_no_attempt(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.fault(kind="throttle", times=1)
    delivery = post.delivery()

    delivery.deliver([id_])

    assert post.limiter.take(1).seconds > 0.5
    row = post.rows.delivery(id_)
    assert (row["status"], row["failures"]) == ("pending", 0)


def test_the_rate_is_kept_within_a_unit(post: Post, broker_url: str) -> None:
    post.limiter = TokenBucket(broker_url, "email", lambda: 2.0, headroom=0.0)
    ids = post.pending(*(f"{n}@example.com" for n in range(3)))
    sizes: list[int] = []
    send = post.channel.send
    post.channel.send = lambda messages: [sizes.append(len(messages)), send(messages)][1]

    post.delivery().deliver(ids)

    assert max(sizes) <= 2
    assert sum(len(post.mails(id_)) for id_ in ids) == 3


class Silent:
    """A channel whose provider is out of reach until told otherwise."""

    def __init__(self, channel: Any, outcome: Outcome) -> None:
        self._channel = channel
        self.outcome = outcome
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, messages: Any) -> list[Outcome]:
        self.asked.append(len(messages))
        return [self.outcome] * len(messages)


def test_what_its_own_worker_sent_too_late_slows_nobody(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.channel = Silent(post.channel, Late("too slow for this many messages at once"))

    post.delivery().deliver([id_])

    assert post.limiter.take(1).seconds < 0.5
    row = post.rows.delivery(id_)
    assert (row["status"], row["failures"]) == ("pending", 0)


def test_a_receiver_that_is_always_too_busy_fails_in_the_end_and_holds_up_no_other(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.channel = Silent(post.channel, Throttled("429 Too Many Requests"))
    post.channel.one_provider = False
    delivery = post.delivery(retry=RetryPolicy(attempts=2, base=0.0))

    assert [delivery.deliver([id_])[id_].to for _ in range(2)] == [Status.PENDING, Status.FAILED]
    assert post.limiter.take(1).seconds < 0.5


def test_an_outage_leaves_rows_alone_and_costs_no_attempt(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.sending.sender._TURN_SECONDS", 0.0)
    first = post.pending(*(f"{n}@example.com" for n in range(10)))
    rest = post.pending(*(f"{n}@example.com" for n in range(10, 20)))
    post.channel = Silent(post.channel, Offline("refused"))
    delivery = post.delivery()

    delivery.deliver(first)
    waiting = delivery.deliver(rest)

    assert post.channel.asked == [10]
    assert {each.to for each in waiting.values()} == {Status.PENDING}
    assert {post.rows.delivery(id_)["attempt"] for id_ in rest} == {0}
    assert {post.rows.delivery(id_)["failures"] for id_ in first} == {0}
    assert ChannelStates(post.rows.engine, actor="test").state("email").runs  # other workers may reach it
    assert Report(post.rows.engine).audit()[1] == []


def test_a_provider_that_loses_every_answer_is_asked_by_one_message_at_a_time(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.sending.sender._TURN_SECONDS", 5.0)
    monkeypatch.setattr("workers.sending.reachability._FIRST_SECONDS", 0.01)
    first = post.pending(*(f"{n}@example.com" for n in range(10)))
    rest = post.pending(*(f"{n}@example.com" for n in range(10, 20)))
    post.channel = Silent(post.channel, Unknown("cut"))
    delivery = post.delivery()
    delivery.deliver(first)
    post.channel.outcome = Accepted("m-1")

    delivery.deliver(rest)

    assert post.channel.asked == [10, 1, 9]


def test_a_blocked_outcome_does_not_count_against_the_message(post: Post) -> None:
    (id_,) = post.pending("ana@example.com")
    post.channel = Silent(post.channel, Blocked("suspended"))
    post.delivery().deliver([id_])
    assert post.rows.delivery(id_)["failures"] == 0
