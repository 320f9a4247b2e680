"""How a worker waits for a broker to which it cannot connect."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from celery.events import EventDispatcher
from celery.worker.consumer import consumer as celerys
from kombu import Connection
from kombu.asynchronous import Hub
from kombu.utils import functional
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from celery_units import consumer as units_consumer
from celery_units.consumer import Consumer


class Enough(Exception):
    pass


def test_the_waits_between_two_tries_to_connect_stay_short(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def noted(seconds: float, *_: str) -> str:
        waits.append(seconds)
        if len(waits) == 12:
            raise Enough
        return ""

    monkeypatch.setattr(celerys, "humanize_seconds", noted)
    monkeypatch.setattr(functional, "sleep", lambda _: None)
    consumer = Consumer.__new__(Consumer)
    consumer.app, consumer.first_connection_attempt, consumer.broker_connection_retry_attempt = Celery(), True, 0
    with pytest.raises(Enough):
        consumer.ensure_connected(Connection("redis://127.0.0.1:1/0"))
    assert max(waits) == 5


class Dispatcher:
    """Counts what Celery's dispatcher of events would send."""

    sent = 0

    def flush(self) -> None:
        self.sent += 1


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = Consumer.__new__(Consumer)
    made.hub, made.event_dispatcher, made.app = Hub(), Dispatcher(), Celery(broker="redis://127.0.0.1:1/0")
    made._sends_events = False
    made.channel_errors, made.connection_errors = (), ()
    yield made
    made.hub.close()


def test_events_that_come_together_are_sent_together(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units_consumer, "EVENT_SECONDS", 0.01)
    for sent in (1, 2):
        for _ in range(20):
            consumer.on_send_event_buffered()
        while consumer.event_dispatcher.sent < sent:
            consumer.hub.run_once()
    consumer.hub.run_once()
    assert consumer.event_dispatcher.sent == 2


def test_events_that_wait_when_the_connection_fails_are_sent_over_the_next_one(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celerys.Consumer, "on_connection_error_after_connected", lambda *_: None)
    sent: list[tuple[list[str], str]] = []
    monkeypatch.setattr(
        EventDispatcher,
        "_publish",
        lambda _, events, producer, key: sent.append(([each["type"] for each in events], key)),
    )
    old, new = (
        consumer.app.events.Dispatcher(Connection("memory://"), buffer_group=["task"], buffer_limit=100)
        for _ in range(2)
    )
    consumer.event_dispatcher = old
    old.send("task-received")
    old.send("task-failed")
    consumer.on_connection_error_after_connected(ConnectionError())
    old.disable()
    new.extend_buffer(old)
    new.flush()
    assert sent == [(["task-received", "task-failed"], "task.multi")]


def test_a_worker_that_ends_sends_the_events_that_wait(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celerys.Consumer, "stop", lambda _: None)
    consumer.on_send_event_buffered()
    consumer.stop()
    assert consumer.event_dispatcher.sent == 1


class Received:
    """A message of kombu, as far as the consumer sees it."""

    delivery_tag = "the tag"
    acknowledged = False

    def __init__(self) -> None:
        self.headers = {"id": "the id", "task": "the task"}

    def reject_log_error(self, *_: object) -> None:
        self.acknowledged = True


def handler(consumer: Consumer, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Callable[[Any], None]:
    """What receives a message, where Celery's own raises that error."""

    def receive(_: Any) -> None:
        raise error

    monkeypatch.setattr(celerys.Consumer, "create_task_handler", lambda _: receive)
    return consumer.create_task_handler()


@pytest.mark.parametrize("error", [TypeError("secret"), KeyError("secret"), UnicodeError("secret")])
def test_a_malformed_message_is_rejected(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    message = Received()
    handler(consumer, monkeypatch, error)(message)
    assert message.acknowledged
    (line,) = caplog.messages
    assert "the id" in line
    assert "the tag" in line
    assert "secret" not in line


@pytest.mark.parametrize("error", [ConnectionResetError(), RedisConnectionError(), ResponseError(), MemoryError()])
def test_an_error_of_the_broker_reaches_celery(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    message = Received()
    with pytest.raises(type(error)):
        handler(consumer, monkeypatch, error)(message)
    assert not message.acknowledged
