"""The Celery app of the workers and of Flower: `celery -A workers.app`."""

from collections.abc import Collection, Sequence
from typing import Any

from celery import Celery, bootsteps
from celery.bin.celery import celery
from celery.signals import setup_logging, worker_shutting_down

from celery_units.redis import use_transport
from celery_units.redis.timeouts import shorten_timeouts
from notifier.broker import celery_configuration, queue_name, queue_shares
from notifier.errors import SettingsError
from notifier.health.heartbeat import BEAT_SECONDS
from notifier.lanes import Lane, parts_of
from notifier.process.first_process import end_at_sigterm
from notifier.settings import load_settings
from notifier.telemetry import configure_logging
from workers.process.database_retry import WRITE_HEALTH
from workers.process.gil_watchdog import GilWatchdog
from workers.process.heartbeat import HeartbeatThread, waits_for_broker
from workers.tasks import register
from workers.wiring import heartbeat, in_progress, leave, main_loop, routes, stop, tally

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


def serve(queues: Sequence[str], channels: Collection[str]) -> None:
    """Have the lanes share this worker if a route of its channels names one. Call it before `run`.

    All lanes are served whatever the routes say, because a queue may hold messages that were published with other
    routes. Those of a channel whose routes name no lane are empty nearly always, so no connection waits for them:
    the requests for its normal lane, one a second at least, take from them too.
    """
    named = frozenset(each for each in channels if routes().has_lanes(each))
    app.conf.broker_transport_options.update(
        queue_shares=queue_shares(queues) if named else [],
        unawaited_queues=[
            queue_name(each)
            for each in queues
            for channel, lane in (parts_of(each),)
            if lane is not Lane.NORMAL and channel not in named
        ],
    )


class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts and stops the threads that watch over this process."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        self._heartbeat = HeartbeatThread(
            heartbeat(), in_progress(), lambda: waits_for_broker(worker), write_health=WRITE_HEALTH
        )
        main_loop().started(worker, self._heartbeat)
        worker.timer.call_repeatedly(BEAT_SECONDS, self._heartbeat.turned)
        self._heartbeat.start()
        self._watchdog = GilWatchdog()
        self._watchdog.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        self._heartbeat.stop()
        self._watchdog.stop()


class StopStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Sets `stop` before the pool waits for its threads, whatever ends this process."""

    def close(self, worker: Any) -> None:  # noqa: ARG002
        stop().set()
        shorten_timeouts()
        leave()


class FlushCountsStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Adds the last counts to the database after the pool has ended."""

    def start(self, worker: Any) -> None:
        """Nothing: the first count starts the thread."""

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        tally().close()


app.steps["worker"].add(HeartbeatStep)
app.steps["worker"].add(FlushCountsStep)
app.steps["worker"].add(StopStep)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    """Set `stop` when the signal comes: the consumer may take a second to notice it."""
    stop().set()


@setup_logging.connect  # type: ignore[untyped-decorator]
def _our_logging(**_: object) -> None:
    configure_logging(settings, process="worker")


def run(arguments: list[str]) -> int:
    """Run the command `celery`. Return its exit code: 0 if it was asked to end. `app.worker_main` returns none."""
    code = celery.main(args=arguments, standalone_mode=False)
    return code if isinstance(code, int) else 1  # None: Celery ended its worker at once, as after an internal error
