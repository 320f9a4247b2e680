"""A route that ends the process of its isolated build, or whose result cannot be pickled."""

import os
import re
import signal
import sys
import time
from typing import Any

from notifier import Email, Event, route


class OnlyHere:
    """An object that can be unpickled only in the process that made it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _only_in, (os.getpid(),)


def _only_in(pid: int) -> str:
    if os.getpid() != pid:
        raise LookupError("not the process that made it")
    return "here"


@route(table="activity", channel="email", name="a_route")
def a_route(event: Event) -> Email:
    item = event.new or {}
    context: dict[str, Any] = {"name": item["name"]}
    match item.get("how"):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(7)
        case "close":
            os.closerange(3, 256)
            time.sleep(60)
        case "sleep":
            time.sleep(60)
        case "regex":
            re.match("(a+)+$", "a" * 60 + "b")
        case "lambda":
            context["name"] = Unpicklable()
        case "unreadable":
            context["here"] = OnlyHere()
        case "large":
            context["name"] = "x" * 3_000_000
        case "prints":
            print("to standard output")
            sys.stdout.flush()
    return Email(to=item["to"], template="hello", context=context)


class Unpicklable:
    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot be pickled")

    def __str__(self) -> str:
        return "Ana"
