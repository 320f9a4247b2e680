"""What a worker measures of its units: each message once, each step once for a unit."""

from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY

from celery_units.unfinished import Unfinished
from notifier import Email, Event
from notifier.messages import Message
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Unknown
from tests.outbox.rows import Rows
from tests.workers.test_deliverer import Environment, env
from workers.metrics.measured import MeasuredAttempts, MeasuredChannel, MeasuredDeliverer

__all__ = ["env"]


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"channel": "email", **labels}) or 0.0


class Change:
    """How much samples grew in this test: they are of the whole process."""

    def __init__(self) -> None:
        self._before = {self._key(family, each): each.value for family, each in self._all()}

    @staticmethod
    def _all() -> list[tuple[Any, Any]]:
        return [(family, each) for family in REGISTRY.collect() for each in family.samples]

    @staticmethod
    def _key(family: Any, each: Any) -> tuple[Any, ...]:
        return (each.name, *sorted(each.labels.items()))

    def of(self, name: str, **labels: str) -> float:
        key = (name, *sorted({"channel": "email", **labels}.items()))
        return sample(name, **labels) - self._before.get(key, 0.0)


class Answering:
    """A channel with given outcomes."""

    one_provider = True
    request_type = Email
    address = render = staticmethod(str)

    def __init__(self, outcomes: list[Outcome] | Exception) -> None:
        self._outcomes = outcomes

    def send(self, _: Sequence[Message[Any, Any]]) -> list[Outcome]:
        if isinstance(self._outcomes, Exception):
            raise self._outcomes
        return self._outcomes


def test_outcomes_are_counted_by_their_kind() -> None:
    channel, change = MeasuredChannel("email", Answering([Accepted("1"), Accepted("2"), Rejected("no")])), Change()
    assert len(channel.send([])) == 3
    assert channel.one_provider is True
    assert change.of("notifier_outcomes_total", outcome="accepted") == 2
    assert change.of("notifier_outcomes_total", outcome="rejected") == 1
    assert change.of("notifier_outcomes_total", outcome="unknown") == 0
    assert change.of("notifier_step_seconds_count", step="send") == 1


def test_mails_of_a_parked_tenant_are_counted_apart_from_a_blocked_account() -> None:
    parked = Blocked("no", within="tenant blue")
    channel, change = MeasuredChannel("email", Answering([parked, Blocked("no"), parked])), Change()
    channel.send([])
    assert change.of("notifier_outcomes_total", outcome="parked") == 2
    assert change.of("notifier_outcomes_total", outcome="blocked") == 1


def test_a_channel_that_raises_leaves_unknown_outcomes() -> None:
    channel, change = MeasuredChannel("email", Answering(ValueError("whatever"))), Change()
    with pytest.raises(ValueError, match="whatever"):
        channel.send([None, None])  # type: ignore[list-item]
    assert change.of("notifier_outcomes_total", outcome="unknown") == 2


def measured(env: Environment, rows: Rows, build: Any) -> MeasuredDeliverer:
    """The environment's deliverer, with the measured classes in place of those of the code."""
    env.attempts = MeasuredAttempts(rows.engine, channel="email", worker="test")
    deliverer = env.deliverer(build)
    deliverer.__class__ = MeasuredDeliverer
    assert isinstance(deliverer, MeasuredDeliverer)
    deliverer.measure("email")
    return deliverer


def test_a_unit_is_measured_step_by_step(env: Environment, rows: Rows) -> None:
    def build(event: Event) -> Email | None:
        to = (event.new or {})["to"]
        return None if to.startswith("muted") else Email(to=to, template="hello", context={"name": "Ana"})

    ids = env.pending("ana@example.com", "bo@example.com", "muted@x.org")
    deliverer, change = measured(env, rows, build), Change()
    assert len(deliverer.deliver(ids)) == 3
    for step in ("load", "build", "begin", "decide", "finish"):
        assert change.of("notifier_step_seconds_count", step=step) == 1, step
    assert change.of("notifier_unit_size_sum") == 3
    assert change.of("notifier_messages_total", delivery="first") == 3
    assert change.of("notifier_messages_not_pending_total") == 0

    assert deliverer.deliver(ids) == {}
    assert change.of("notifier_messages_not_pending_total") == 3
    assert change.of("notifier_messages_total", delivery="again") == 0
    assert change.of("notifier_step_seconds_count", step="begin") == 1


def test_a_message_of_a_lost_worker_counts_as_delivered_again(env: Environment, rows: Rows) -> None:
    ids = env.pending("ana@example.com")
    deliverer, change = measured(env, rows, lambda _: None), Change()
    deliverer.deliver(ids, suspects=True)
    assert change.of("notifier_messages_total", delivery="again") == 1
    assert change.of("notifier_messages_total", delivery="first") == 0


def test_a_message_that_comes_again_after_its_slow_build_counts_once(
    env: Environment, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = env.pending("ana@example.com", "bo@example.com")
    deliverer, change = measured(env, rows, lambda _: None), Change()
    later = {ids[0]: Unfinished(suspects=True)}
    monkeypatch.setattr(
        "workers.deliverer.Deliverer.deliver", lambda _, ids, **__: {id_: later.pop(id_, None) for id_ in ids}
    )
    deliverer.deliver(ids)
    deliverer.deliver(ids[:1])
    assert change.of("notifier_messages_total", delivery="first") == 2


def test_the_outcomes_are_those_of_the_contract() -> None:
    """A new outcome would be counted nowhere."""
    from notifier import outcomes
    from workers.metrics.measured import _WORDS

    assert set(outcomes.Outcome.__args__) == set(_WORDS)
    assert {NotSent, Unknown} < set(_WORDS)
