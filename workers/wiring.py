"""The objects of a worker process. Each is made once, when it is first used."""

import os
import socket
import threading
import time
from functools import cache, partial

from notifier.channels import Channel, load_channel
from notifier.database.engine import Engine, connect
from notifier.health.heartbeat import Heartbeat
from notifier.outbox import ChannelStates, DeliveryCounts, Digests, Suspects
from notifier.process.memory_budget import MemoryBudget
from notifier.routes import Routes
from notifier.routes.loading import load_routes, shadowed
from notifier.settings import Settings, load_settings
from notifier.tracing.starting import tracing_of
from notifier.tracing.tracing import Tracing
from workers.building.attachments import AttachmentReader
from workers.building.builder import LARGE_RECORDS_BYTES
from workers.building.preparer import Preparer
from workers.building.wiring import preparer_of
from workers.collaborators import Collaborators
from workers.deliverer import Deliverer
from workers.isolation.child import Child
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.metrics.counters import BUILD_LOSSES
from workers.metrics.gauges import ChannelParts
from workers.metrics.measured import MeasuredChannel, MeasuredDeliverer
from workers.process.in_progress import InProgress
from workers.process.main_loop import MainLoop
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.tally import Tally, begin_at_zero
from workers.tracing import attempts_of, traced_builds, traced_channel, traced_preparer

_LEAVE_SECONDS = 5.0

_making = threading.Lock()
_made: dict[str, ChannelParts] = {}
_first_process = True
"""Whether Celery's consumer, which handles `Unfinished`, runs in this process: not in a child of a prefork pool."""


def deliverer(channel: str) -> Deliverer:
    """Return the deliverer of that channel, made when its first message comes."""
    with _making:
        return _deliverer(channel)


@cache
def _deliverer(channel: str) -> Deliverer:
    settings = load_settings()
    collaborators = _collaborators(channel, settings)
    if settings.metrics_port:
        made: Deliverer = MeasuredDeliverer(collaborators)
        begin_at_zero(channel, (route.name for route in routes() if channel in route.channels))
    else:
        made = Deliverer(collaborators)
    _made[channel] = ChannelParts(made, collaborators.bucket)
    return made


def _collaborators(channel: str, settings: Settings) -> Collaborators:
    """Return the objects of a channel, measured and traced where the settings say so."""
    loaded = load_channel(channel, settings)
    measured = MeasuredChannel(channel, loaded) if settings.metrics_port else loaded
    preparer = preparer_of(channel, loaded, settings, routes(), attachments=_attachments)
    states = ChannelStates(engine(), actor=_worker(), probe_seconds=settings.probe_seconds)
    return Collaborators(
        attempts=attempts_of(settings, engine(), tracing(), channel=channel, worker=_worker()),
        channel=traced_channel(channel, measured, tracing()),
        routes=routes(),
        preparer=traced_preparer(preparer, tracing()),
        in_progress=in_progress().of(channel),
        account=AccountState(states, channel),
        bucket=_bucket(channel, loaded, settings),
        lease_seconds=settings.send_lease_seconds,
        stop=stop(),
        memory=_memory(),
        isolated=traced_builds(_isolated(channel, preparer, settings), tracing()),
        digests=Digests(engine(), channel=channel) if routes().has_digests(channel) else None,
        count=partial(tally().count, channel),
        sets_aside=_first_process,
    )


def _worker() -> str:
    """Return the name of this worker in the history."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _bucket(channel: str, loaded: Channel, settings: Settings) -> TokenBucket:
    return TokenBucket(
        settings.broker_url.get_secret_value(),
        channel,
        loaded.rate,
        fixed=settings.rates.get(channel),
        sleep=stop().wait,
        lanes=routes().has_lanes(channel),
    )


def _isolated(channel: str, preparer: Preparer, settings: Settings) -> IsolatedBuilds:
    return IsolatedBuilds(
        partial(Child, channel),
        Suspects(engine()),
        preparer,
        settings.build_losses,
        stop(),
        BUILD_LOSSES.labels(channel).inc,
    )


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
def tracing() -> Tracing | None:
    return tracing_of(load_settings(), "worker")


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
    for made in (in_progress, stop, _memory, _attachments, tally):  # a thread of the parent may hold its lock
        made.cache_clear()


os.register_at_fork(after_in_child=_in_child)


@cache
def _memory() -> MemoryBudget:
    return MemoryBudget(LARGE_RECORDS_BYTES)


@cache
def _attachments() -> AttachmentReader:
    return AttachmentReader(load_settings())


@cache
def engine() -> Engine:
    url = load_settings().database_url.get_secret_value()
    # Its connections are bounded by --concurrency.
    return connect(url, pool_size=0, application="notifier worker", binary=True, generic_plans=True)


@cache
def routes() -> Routes:
    settings = load_settings()
    return shadowed(load_routes(settings.routes), settings)
