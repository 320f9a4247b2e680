"""The Celery app of the workers and of Flower: `celery -A workers.app`."""

from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging

from notifier.broker import celery_configuration
from notifier.broker.redis import use_transport
from notifier.health import BEAT_SECONDS, Heartbeat
from notifier.settings import load_settings
from notifier.telemetry import configure_logging
from workers.pulse import Pulse, waits_for_broker
from workers.tasks import register
from workers.wiring import underway

settings = load_settings()
use_transport(settings.transport)
app = Celery("notifier")
app.conf.update(
    celery_configuration(settings.broker_url.get_secret_value(), settings.visibility_seconds, settings.unit_size)
)
register(app, settings.unit_size, settings.event_sample)


class Beat(bootsteps.StartStopStep):  # type: ignore[misc]
    """Shows that the worker makes progress."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        self._pulse = Pulse(Heartbeat("worker"), underway(), lambda: waits_for_broker(worker))
        worker.timer.call_repeatedly(BEAT_SECONDS, self._pulse.turned)
        self._pulse.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        self._pulse.stop()


app.steps["worker"].add(Beat)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _our_logging(**_: object) -> None:
    configure_logging(settings, process="worker")
