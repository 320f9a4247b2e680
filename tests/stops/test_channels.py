"""Stops a worker of a channel without a rate while hundreds of messages have begun and the provider is slow."""

import time
from pathlib import Path
from signal import SIGTERM

import pytest
from sqlalchemy import text

from notifier.database.engine import connect
from notifier.testing import HttpAnswer, HttpRequest
from tests.chaos.environment import running_world
from tests.refusals.running_system import RunningSystem
from tests.stops.run import LONG_TIMEOUTS, STARTS_SECONDS, open_deliveries
from tests.workers.channels.providers import SnsProvider, WebhookReceiver

EVENTS = 2_000
"""Four units of 500: at their providers they would take half a minute and more."""
_PENDING = text("""
SELECT notification_id, next_attempt_at IS NULL OR next_attempt_at <= now() FROM deliveries WHERE status = 'pending'
""")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class SlowSns(SnsProvider):
    def accepts(self, request: HttpRequest) -> HttpAnswer:
        time.sleep(0.5)
        return super().accepts(request)


class SlowReceiver(WebhookReceiver):
    def accepts(self, request: HttpRequest) -> HttpAnswer:
        time.sleep(1.5)
        return super().accepts(request)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("channel", "provider_class"), [("sms", SlowSns), ("webhook", SlowReceiver)])
def test_a_stop_finishes_the_requests_in_progress_and_begins_no_more(
    channel: str,
    provider_class: type[SlowSns | SlowReceiver],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with running_world(tmp_path) as world, provider_class() as provider:
        options = {
            **LONG_TIMEOUTS,
            "NOTIFIER_ROUTES": "tests.stops.routes",
            "NOTIFIER_TEMPLATES": str(Path(__file__).parents[1] / "chaos" / "templates"),
            "NOTIFIER_AWS_SNS_ENDPOINT_URL": provider.url,
            "NOTIFIER_WEBHOOK_ALLOW_PRIVATE": "true",
            "NOTIFIER_WEBHOOK_SECRET": SECRET,
            "STOPS_CHANNEL": channel,
            "STOPS_URL": provider.url,
        }
        with RunningSystem(world, tmp_path, options) as system:
            system.start("bridge", "bridge")
            system.feed(EVENTS)
            system.until(lambda: system.broker.depth(channel) == EVENTS, STARTS_SECONDS)
            worker = system.start("worker", "worker", channel, "--concurrency", "4")
            system.until(lambda: provider.requests() > 40, STARTS_SECONDS)
            began = time.monotonic()
            worker.stop(SIGTERM)
            seconds = time.monotonic() - began
            engine = connect(world.postgres.url("notifier"))
            left = open_deliveries(engine)
            with engine.connect() as connection:
                pending = {row[0]: row[1] for row in connection.execute(_PENDING)}
            engine.dispose()
            assert (worker.exit_code, left) == (0, 0)
            assert seconds < 20.0
            assert provider.requests() + len(pending) == EVENTS
            waiting = system.broker.held(channel)
            assert {id_ for id_, is_due in pending.items() if is_due} <= waiting  # the relay has the others
            assert system.broker.depth(channel) >= len(waiting)  # none is kept for a worker that is gone
