"""The end of the process while a unit is in progress."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Reject

from celery_units.request import error_of
from celery_units.units import Completion, UnitTask, give_back, run_unit
from notifier.channels import Capability
from notifier.messages import ENDS, Message
from notifier.outcomes import Accepted, Outcome
from notifier.send_pool import SendPool
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Environment, env
from workers.process.database_retry import DatabaseRetry
from workers.process.stop import Stop, Stopped
from workers.sending.bucket import TokenBucket
from workers.sending.reachability import Reachability

__all__ = ["engine", "env", "rows"]


def test_what_has_not_begun_is_left_and_stays_as_it_was(env: Environment, broker_url: str) -> None:
    stop = Stop()
    env.bucket = TokenBucket(broker_url, "email", lambda: 2.0, headroom=0.0, sleep=stop.wait)
    ids = env.pending(*(f"{n}@example.com" for n in range(6)))
    send = env.channel.send

    def send_and_stop(messages: object) -> object:
        outcomes = send(messages)
        stop.set()
        return outcomes

    env.channel.send = send_and_stop
    began = time.monotonic()
    with pytest.raises(Stopped) as stopped:
        env.deliverer(stop=stop).deliver(ids)

    assert time.monotonic() - began < 5.0
    sent = [id_ for id_ in ids if env.mails(id_)]
    assert len(sent) == 1
    assert set(stopped.value.changes) == set(sent)
    assert stopped.value.left == set(ids).difference(sent)
    left = [env.rows.delivery(id_) for id_ in stopped.value.left]
    assert {(row["status"], row["attempt"]) for row in left} == {("pending", 0)}


def test_a_process_that_ends_begins_no_unit(env: Environment) -> None:
    stop = Stop()
    stop.set()
    ids = env.pending("ana@example.com")
    with pytest.raises(Stopped) as stopped:
        env.deliverer(stop=stop).deliver(ids)
    assert stopped.value.left == set(ids)


def test_all_threads_share_one_stop() -> None:
    """An object that is false until it is set would be replaced by `stop or Stop()`."""
    stop = Stop()
    assert (Reachability(stop=stop)._stop, DatabaseRetry(1.0, stop=stop)._stop) == (stop, stop)
    with pytest.raises(TypeError):
        bool(stop)


def test_a_message_that_goes_back_costs_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """A worker with a backlog gives back up to 2,000 messages at its end."""
    app = Celery("goes back", set_as_current=False)

    class GoesBack(UnitTask):
        abstract = True

        def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion | None]:
            return [give_back] * len(requests)

    @app.task(base=GoesBack, bind=True, name="goes.back", shared=False)  # type: ignore[untyped-decorator]
    def goes_back(_: object) -> None:
        raise AssertionError

    app.finalize()
    requests = [{"id": str(n), "args": [], "kwargs": {}, "headers": {}} for n in range(3)]
    with caplog.at_level(logging.INFO, "celery.app.trace"):
        results = run_unit(app.tasks["goes.back"], requests)
    assert [type(error_of(result[1])) for result in results] == [Reject] * 3
    assert not caplog.records


class OneByOne:
    """A channel without a rate: each message is a request of its own, two at once."""

    capability, one_provider = Capability.NONE, True

    def __init__(self, channel: Any, stop: Stop) -> None:
        self._channel = channel
        self._pool = SendPool("one by one", 60.0, threads=2)
        self._stop = stop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def close(self) -> None:
        self._pool.close()
        self._channel.close()

    def _send_one(self, _: Message[Any, Any]) -> Outcome:
        self._stop.set()
        return Accepted(None)


def test_what_has_begun_and_not_left_goes_back_at_once_and_may_be_sent_at_once(
    env: Environment, broker_url: str
) -> None:
    stop = Stop()
    env.channel = OneByOne(env.channel, stop)
    env.bucket = TokenBucket(broker_url, "one by one", lambda: None)
    ids = env.pending(*(f"{n}@example.com" for n in range(40)))
    with pytest.raises(Stopped) as stopped:
        env.deliverer(stop=stop).deliver(ids)
    sent = set(stopped.value.changes)
    assert 1 <= len(sent) <= 2
    assert stopped.value.left == set(ids).difference(sent)
    left = [env.rows.delivery(id_) for id_ in stopped.value.left]
    assert {(row["status"], row["failures"], row["reason"]) for row in left} == {("pending", 0, ENDS)}
    assert {each.id for each in env.attempts.load(ids)} == stopped.value.left  # due now
