"""The Celery app of the workers and of Flower: `celery -A workers.app`."""

from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging, worker_shutting_down

from celery_units.redis import use_transport
from celery_units.redis.timeouts import shorten_timeouts
from notifier.broker import celery_configuration
from notifier.errors import SettingsError
from notifier.health import BEAT_SECONDS, Heartbeat
from notifier.process.first_process import end_at_sigterm
from notifier.settings import load_settings
from notifier.telemetry import configure_logging
from workers.process.database_retry import RECORDING
from workers.process.gil_watchdog import GilWatchdog
from workers.process.heartbeat import HeartbeatThread, waits_for_broker
from workers.tasks import register
from workers.wiring import leave, stop, tally, underway

end_at_sigterm()  # Flower starts here
try:
    settings = load_settings()
    _configuration = celery_configuration(
        settings.broker_url.get_secret_value(), settings.visibility_seconds, settings.unit_size
    )
except SettingsError as error:
    raise SystemExit(f"notifier: {error}") from None
use_transport(settings.transport)
app = Celery("notifier")
app.conf.update(_configuration)
app.conf.worker_consumer = "celery_units.consumer:Consumer"
register(app, settings.unit_size, settings.event_sample)


class Beat(bootsteps.StartStopStep):  # type: ignore[misc]
    """Shows that the worker makes progress."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        self._pulse = HeartbeatThread(
            Heartbeat("worker"), underway(), lambda: waits_for_broker(worker), recording=RECORDING
        )
        worker.timer.call_repeatedly(BEAT_SECONDS, self._pulse.turned)
        self._pulse.start()
        self._standstill = GilWatchdog()
        self._standstill.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        self._pulse.stop()
        self._standstill.stop()


class End(bootsteps.StartStopStep):  # type: ignore[misc]
    """Tells the threads that this process is to end, whatever ends it. Before the pool waits for them."""

    def close(self, worker: Any) -> None:  # noqa: ARG002
        stop().set()
        shorten_timeouts()
        leave()


class Counts(bootsteps.StartStopStep):  # type: ignore[misc]
    """Adds the last counts to the database once the pool has ended."""

    def start(self, worker: Any) -> None:
        """Counting starts by itself."""

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        tally().close()


app.steps["worker"].add(Beat)
app.steps["worker"].add(Counts)
app.steps["worker"].add(End)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """At the signal itself: the consumer may take a second to hear of it."""
    stop().set()


@setup_logging.connect  # type: ignore[untyped-decorator]
def _our_logging(**_: object) -> None:
    configure_logging(settings, process="worker")


def run(arguments: list[str]) -> int:
    """Run the command `celery`. Return its exit code: 0 where it was asked to end. `app.worker_main` has none."""
    from celery.bin.celery import celery

    code = celery.main(args=arguments, standalone_mode=False)
    return code if isinstance(code, int) else 1  # None: Celery ended its worker at once, as after an internal error
