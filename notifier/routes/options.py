"""Checks of the options of `@route`. Each function raises RoutesError, which names the option, for a wrong value."""

import inspect
import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import FunctionType
from typing import Any

from notifier.errors import RoutesError
from notifier.events import EVENT_NAMES
from notifier.retry import OnUnknown, RetryPolicy
from notifier.status_updates import wanted_of
from notifier.text import encodes

LONGEST_TIMEOUT = 300.0
"""Seconds. A worker whose delivery makes no progress for 600 seconds counts as unhealthy."""
_LONGEST_NAME = 200
_NOT_PLAIN = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def place_of(function: object) -> str:
    """Return where a function is defined, as `file:line`. Empty for an object that is no function."""
    inner = inspect.unwrap(function) if isinstance(function, FunctionType) else function
    code = getattr(inner, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def check_function(function: object, name: str | None) -> None:
    """Check that a route is a plain function of one argument, with a name of its own or a `name=`."""
    if type(function) is not FunctionType:
        raise RoutesError(f"@route decorates a function, not {function!r}")
    if any(is_kind(function) for is_kind in _NOT_PLAIN):
        raise RoutesError("@route decorates a plain function: workers neither await nor iterate what it returns")
    if name is None and function.__name__ == "<lambda>":
        raise RoutesError("a lambda has no name of its own: give the route a name=")
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        raise RoutesError("the function must take one argument, the event") from None


def check_texts(**options: object) -> None:
    """Check that each of these options is text that Postgres can store. Only `topic` may be empty."""
    for option, given in options.items():
        if not isinstance(given, str):
            raise RoutesError(f"{option}={given!r} is not text")
        if not given.strip() and option != "topic":
            raise RoutesError(f"{option}={given!r} is empty")
        if "\0" in given or not encodes(given) or len(given) > _LONGEST_NAME:
            raise RoutesError(f"{option}={given[:60]!r} cannot be stored: up to {_LONGEST_NAME} characters, no NUL")


def event_names(on: object) -> tuple[str, ...]:
    """Return the names of events in `on=`, which is one or several."""
    if isinstance(on, str):
        on = (on,)
    if isinstance(on, bytes | Mapping) or not isinstance(on, Iterable):
        raise RoutesError(f"on={on!r} is not one of INSERT, MODIFY, REMOVE, nor a list of these")
    names = tuple(on)
    if not names:
        raise RoutesError("on=[] matches nothing: name at least one of INSERT, MODIFY, REMOVE")
    if unknown := [each for each in names if not isinstance(each, str) or each not in EVENT_NAMES]:
        raise RoutesError(f"on={unknown!r} is not one of INSERT, MODIFY, REMOVE")
    return names


def pattern_of(option: str, given: object) -> Mapping[str, Any]:
    """Return the pattern given as `match=` or `match_old=`. None matches everything."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RoutesError(f"{option} must be a mapping of attributes to lists, not {given!r}")
    return given


def retry_of(given: object) -> RetryPolicy:
    if given is None:
        return RetryPolicy()
    if not isinstance(given, RetryPolicy):
        raise RoutesError(f"retry={given!r} is not a RetryPolicy, as RetryPolicy(attempts=3)")
    return given


def flag(option: str, given: object) -> bool:
    if not isinstance(given, bool):
        raise RoutesError(f"{option}={given!r} is neither True nor False")
    return given


def on_unknown_of(given: str | None) -> OnUnknown | None:
    try:
        return None if given is None else OnUnknown(given)
    except ValueError:
        raise RoutesError(f"on_unknown={given!r} is not one of {', '.join(OnUnknown)}") from None


def wanted_updates_of(given: object) -> int | None:
    """Return the bits of the statuses in `status_updates=`, which is one or several. None stays None."""
    if given is None:
        return None
    names = (given,) if isinstance(given, str) else given
    if isinstance(names, bytes | Mapping) or not isinstance(names, Iterable):
        raise RoutesError(f"status_updates={given!r} is no status, nor a list of these")
    try:
        return wanted_of(map(str, names))
    except ValueError as error:
        raise RoutesError(f"status_updates={given!r}: {error}") from None


def seconds(option: str, given: object) -> float | None:
    """Return a time above 0 in seconds, given in seconds or as a timedelta. None stays None."""
    if given is None:
        return None
    found = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(found, bool) or not isinstance(found, int | float) or not (0 < found < math.inf):
        raise RoutesError(f"{option}={given!r} is not a time in seconds above 0, nor a timedelta")
    return float(found)


def timeout_of(given: object) -> float | None:
    """Return how long a route's function may run, in seconds. None stays None."""
    found = seconds("timeout", given)
    if found is not None and found > LONGEST_TIMEOUT:
        raise RoutesError(f"timeout={given!r} is longer than {LONGEST_TIMEOUT:g} seconds: let something else wait")
    return found
