"""How a worker waits for a broker to which it cannot connect."""

import pytest
from celery import Celery
from celery.worker.consumer import consumer as celerys
from kombu import Connection
from kombu.utils import functional

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
