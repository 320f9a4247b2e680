"""Checks of the options of `@route`. Each function raises RoutesError, which names the option, for a wrong value."""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import FunctionType
from typing import Any

from notifier.errors import RoutesError
from notifier.events import EVENT_NAMES
from notifier.lanes import Lane
from notifier.mail import Identity
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes.digest import Digest
from notifier.routes.limits import Limit
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


def check_function(function: object, name: str | None, **more: object) -> None:
    """Check that a route is a plain function of one argument, with a name of its own or a `name=`. `more` are
    arguments by name that it takes, too.
    """
    if type(function) is not FunctionType:
        raise RoutesError(f"@route decorates a function, not {function!r}")
    if any(is_kind(function) for is_kind in _NOT_PLAIN):
        raise RoutesError("@route decorates a plain function: workers neither await nor iterate what it returns")
    if name is None and function.__name__ == "<lambda>":
        raise RoutesError("a lambda has no name of its own: give the route a name=")
    try:
        inspect.signature(function).bind(object(), **more)
    except TypeError:
        raise RoutesError("the function must take one argument, the event") from None


def has_parameter(function: object, name: str) -> bool:
    """Return whether a function has a parameter of that name."""
    return type(function) is FunctionType and name in inspect.signature(function).parameters


def channels_of(given: object) -> tuple[str, ...]:
    """Return the channels in `channel=`, which is one or a list of several."""
    channels = given if isinstance(given, list | tuple) else (given,)
    if not channels:
        raise RoutesError("channel=[] names no channel")
    for each in channels:
        check_texts(channel=each)
    if twice := sorted({each for each in channels if channels.count(each) > 1}):
        raise RoutesError(f"channel={given!r} names {twice[0]} twice")
    return tuple(channels)


def check_texts(**options: object) -> None:
    """Check that each of these options is text that Postgres can store. Only `topic` may be empty."""
    for option, given in options.items():
        if not isinstance(given, str):
            raise RoutesError(f"{option}={given!r} is not text")
        if not given.strip() and option != "topic":
            raise RoutesError(f"{option}={given!r} is empty")
        if option == "topic" and given == "*":
            raise RoutesError("topic='*' stands for every topic: give this one a name")
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


def lane_of(given: object) -> Lane:
    try:
        return Lane(given)  # type: ignore[arg-type]
    except ValueError:
        raise RoutesError(f"lane={given!r} is not one of {', '.join(Lane)}") from None


def identity_of(given: object) -> Identity | None:
    if given is not None and not isinstance(given, Identity):
        raise RoutesError(f"identity={given!r} is not an Identity, as Identity(sender='Us <us@example.com>')")
    return given


def limit_of(given: object) -> Limit | None:
    if given is None or isinstance(given, Limit):
        return given
    raise RoutesError(f"at_most={given!r} is not a Limit, as Limit(3, per=timedelta(days=1))")


def digest_of(given: object, expires_after: object, others: Sequence[str]) -> Digest | None:
    """Return the digest. Raise RoutesError if its first event would expire before its window ends, or if the route
    has other channels to fall back to.
    """
    if given is not None and others:
        raise RoutesError("a route with a digest has one channel")
    if given is None or isinstance(given, Digest):
        expires = seconds("expires_after", expires_after)
        if given is not None and expires is not None and expires <= given.seconds:
            raise RoutesError(
                f"expires_after={expires_after!r} is not longer than the window of its digest, {given.window}: each "
                "message would be too old when it is sent"
            )
        return given
    raise RoutesError(f"digest={given!r} is no Digest, as Digest(by='owner', window=timedelta(hours=1))")


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


def milliseconds(option: str, given: object) -> int:
    """Return a time as Unix milliseconds. None is 0."""
    if given is None:
        return 0
    if not isinstance(given, datetime) or given.tzinfo is None:
        raise RoutesError(f"{option}={given!r} is not a time with its zone: say datetime(2026, 1, 31, 9, tzinfo=UTC)")
    return math.ceil(given.timestamp() * 1000)


def timeout_of(given: object) -> float | None:
    """Return how long a route's function may run, in seconds. None stays None."""
    found = seconds("timeout", given)
    if found is not None and found > LONGEST_TIMEOUT:
        raise RoutesError(f"timeout={given!r} is longer than {LONGEST_TIMEOUT:g} seconds: let something else wait")
    return found
