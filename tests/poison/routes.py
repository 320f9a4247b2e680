"""A route that kills its process for some events, in the way that the item's `poison` names."""

import os
import re
import resource
import signal
import time
from pathlib import Path

from notifier import Email, Event, route

if limit := os.environ.get("POISON_MEMORY"):
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))


@route(table="activity", channel="email", name="a_route")
def a_route(event: Event) -> Email:
    item = event.new or {}
    if (poison := item.get("poison")) is not None:
        with Path(os.environ["POISON_LOG"]).open("a") as log:
            log.write(f"{os.getpid()}\n")
        {**POISONS, **SLOW}[poison]()
    return Email(to=item["to"], template="hello", context={"name": item["name"]})


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hold_the_lock() -> None:
    """Hold Python's lock for thousands of years."""
    re.match("(a+)+$", "a" * 60 + "b")


def _fill_memory() -> None:
    kept = []
    while True:
        kept.append(bytearray(200_000_000))  # never touched: the limit is one of addresses


POISONS = {"kill": _kill, "regex": _hold_the_lock, "memory": _fill_memory}
SLOW = {"sleep": lambda: time.sleep(25)}
