"""The objects of a worker process. Each is made once, when it is first used."""

import os
import socket
import threading
import time
from functools import cache, partial

from notifier.channels import load_channel
from notifier.database.engine import Engine, connect
from notifier.health import Heartbeat
from notifier.outbox import Attempts, ChannelStates, DeliveryCounts, ErasureKeys, Suspects
from notifier.process.memory_budget import MemoryBudget
from notifier.routes import Routes
from notifier.routes.loading import load_routes
from notifier.settings import Settings, load_settings
from notifier.templates import Templates, templates_folder
from workers.building.builder import LARGE_RECORDS_BYTES
from workers.building.preparer import Preparer
from workers.deliverer import Deliverer
from workers.isolation.child import Child
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.metrics.counters import BUILD_LOSSES
from workers.metrics.gauges import ChannelParts
from workers.metrics.measured import MeasuredAttempts, MeasuredDeliverer, measured_channel
from workers.process.in_progress import InProgress
from workers.process.main_loop import MainLoop
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.tally import Tally, begin_at_zero

_LEAVE_SECONDS = 5.0

_making = threading.Lock()
_made: dict[str, ChannelParts] = {}
_first_process = True
"""Whether Celery's consumer, which handles `Later`, runs in this process: not in a child of a prefork pool."""


def deliverer(channel: str) -> Deliverer:
    """Return the deliverer of that channel, made when its first message comes."""
    with _making:
        return _deliverer(channel)


@cache
def _deliverer(channel: str) -> Deliverer:
    settings = load_settings()
    measures = bool(settings.metrics_port)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    loaded = load_channel(channel, settings)
    rendering = templates(settings, routes())
    attempts = MeasuredAttempts if measures else Attempts
    bucket = TokenBucket(
        settings.broker_url.get_secret_value(),
        channel,
        loaded.rate,
        fixed=settings.rates.get(channel),
        sleep=stop().wait,
    )
    made = (MeasuredDeliverer if measures else Deliverer)(
        attempts(
            engine(),
            channel=channel,
            worker=worker,
            unknown_after=settings.unknown_after_seconds,
            erasure_keys=ErasureKeys.of(settings.erasure_keys.get_secret_value()),
        ),
        measured_channel(channel, loaded) if measures else loaded,
        routes(),
        rendering,
        settings.send_lease_seconds,
        in_progress(),
        AccountState(ChannelStates(engine(), actor=worker, probe_seconds=settings.probe_seconds), channel),
        bucket,
        stop(),
        memory=_memory(),
        sets_aside=_first_process,
        isolated=IsolatedBuilds(
            partial(Child, channel),
            Suspects(engine()),
            Preparer(loaded, routes(), rendering),
            settings.build_losses,
            stop(),
            BUILD_LOSSES.labels(channel).inc,
        ),
        count=partial(tally().count, channel),
    )
    if isinstance(made, MeasuredDeliverer):
        made.measure(channel)
        begin_at_zero(channel, (route.name for route in routes() if route.channel == channel))
    _made[channel] = ChannelParts(made, bucket)
    return made


def channels_made() -> dict[str, ChannelParts]:
    """Return the channels whose first message has come."""
    return dict(_made)


def leave() -> None:
    """The process ends: write the isolated builds as interrupted.

    Takes five seconds at most. If the database does not answer until then, the threads are left behind.
    """
    threads = [threading.Thread(target=each.deliverer.leave, daemon=True) for each in _made.values()]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _LEAVE_SECONDS
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0.0))


@cache
def stop() -> Stop:
    return Stop()


@cache
def tally() -> Tally:
    shows = bool(load_settings().metrics_port)
    return Tally(DeliveryCounts(engine()), (route.name for route in routes()), shows=shows)


@cache
def heartbeat() -> Heartbeat:
    return Heartbeat("worker")


@cache
def main_loop() -> MainLoop:
    return MainLoop()


@cache
def in_progress() -> InProgress:
    return InProgress()


def _in_child() -> None:
    global _first_process  # noqa: PLW0603
    _first_process = False
    for made in (in_progress, stop, _memory, tally):  # a thread of the parent may hold its lock
        made.cache_clear()


os.register_at_fork(after_in_child=_in_child)


@cache
def _memory() -> MemoryBudget:
    return MemoryBudget(LARGE_RECORDS_BYTES)


@cache
def engine() -> Engine:
    url = load_settings().database_url.get_secret_value()
    # Its connections are bounded by --concurrency.
    return connect(url, pool_size=0, application="notifier worker", binary=True, generic_plans=True)


@cache
def routes() -> Routes:
    return load_routes(load_settings().routes)


def templates(settings: Settings, of: Routes) -> Templates:
    return Templates(templates_folder(settings, str(of.source) if of.source else None))
