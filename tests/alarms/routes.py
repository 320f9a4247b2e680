"""Routes whose events cause faults, by the `kind` of their item. Files in ALARMS_FOLDER end what they do."""

import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType

from notifier import Email, Event, Identity, RetryPolicy, route

FOLDER = "ALARMS_FOLDER"
MENDED, RESUMED = "mended", "resumed"
HANG = signal.SIGRTMIN
"""The signal that keeps a process's main loop from going on. Celery uses those for users itself."""
OTHER_TABLES = ("stuck", "unlisted", "childless", "viewed", "lost", "unrouted", "orders")
"""Tables beside `activity`, each for a fault of its own."""
_SOON = RetryPolicy(attempts=1_000, base=0.2, cap=2.0)


def _hang(_: int, __: FrameType | None) -> None:
    """Keep the main loop of the process from going on, as code of a route's module may do by mistake."""
    while not (Path(os.environ[FOLDER]) / RESUMED).exists():
        time.sleep(0.1)


if threading.current_thread() is threading.main_thread():
    signal.signal(HANG, _hang)


def _mail(event: Event) -> Email:
    item = event.new or {}
    return Email(to=item["pk"], template="told", context={"number": item["number"], "to": item["pk"]})


@route(table="activity", channel="email", match={"kind": ["raises"]}, retry=_SOON)
def raises(event: Event) -> Email:
    if not (Path(os.environ[FOLDER]) / MENDED).exists():
        raise ValueError("this route has a mistake")
    return _mail(event)


@route(table="activity", channel="email", match={"kind": ["kills"]}, retry=_SOON)
def kills(event: Event) -> Email:
    os.kill(os.getpid(), signal.SIGKILL)
    return _mail(event)


@route(table="activity", channel="email", match={"kind": ["held"]}, retry=_SOON, on_unknown="hold")
def held(event: Event) -> Email:
    return _mail(event)


@route(table="activity", channel="email", match={"kind": ["tenant"]}, identity=Identity(tenant="blue"))
def of_a_tenant(event: Event) -> Email:
    return _mail(event)


@route(table="activity", channel="email", match={"kind": ["told"]}, retry=_SOON)
def told(event: Event) -> Email:
    return _mail(event)


@route(table="activity", channel="email", match={"kind": ["reported"]}, retry=_SOON, status_updates=["sent"])
def reported(event: Event) -> Email:
    return _mail(event)


for _table in OTHER_TABLES:
    route(table=_table, channel="email", match={"kind": ["told"]}, name=f"told_{_table}", retry=_SOON)(_mail)
