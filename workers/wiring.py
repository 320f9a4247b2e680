"""The objects of a worker process. Each is made once, when it is first used."""

import os
import socket
import threading
import time
from functools import cache, partial

from notifier.channels import load_channel
from notifier.database.engine import Engine, connect
from notifier.outbox import Attempts, ChannelStates, DeliveryCounts, Suspects
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
from workers.process.in_progress import InProgress
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.tally import Tally

_LEAVE_SECONDS = 5.0

_making = threading.Lock()
_deliverers: list[Deliverer] = []
_first_process = True
"""Whether Celery's consumer, which handles `Later`, runs in this process: not in a child of a prefork pool."""


def deliverer(channel: str) -> Deliverer:
    """Return the deliverer of that channel, made when its first message comes."""
    with _making:
        return _deliverer(channel)


@cache
def _deliverer(channel: str) -> Deliverer:
    settings = load_settings()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    loaded = load_channel(channel, settings)
    rendering = templates(settings, routes())
    made = Deliverer(
        Attempts(engine(), channel=channel, worker=worker, unknown_after=settings.unknown_after_seconds),
        loaded,
        routes(),
        rendering,
        settings.send_lease_seconds,
        in_progress(),
        AccountState(ChannelStates(engine(), actor=worker, probe_seconds=settings.probe_seconds), channel),
        TokenBucket(
            settings.broker_url.get_secret_value(),
            channel,
            loaded.rate,
            fixed=settings.rates.get(channel),
            sleep=stop().wait,
        ),
        stop(),
        memory=_memory(),
        sets_aside=_first_process,
        isolated=IsolatedBuilds(
            partial(Child, channel),
            Suspects(engine()),
            Preparer(loaded, routes(), rendering),
            settings.build_losses,
            stop(),
        ),
        count=partial(tally().count, channel),
    )
    _deliverers.append(made)
    return made


def leave() -> None:
    """The process ends: write the isolated builds as interrupted.

    Takes five seconds at most. If the database does not answer until then, the threads are left behind.
    """
    threads = [threading.Thread(target=each.leave, daemon=True) for each in _deliverers]
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
    return Tally(DeliveryCounts(engine()), (route.name for route in routes()))


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
