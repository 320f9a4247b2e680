"""Routes: which events become a notification, and what it says. What users write."""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from notifier.errors import RoutesError
from notifier.events import Event
from notifier.matching import Pattern, Predicate, compile_match
from notifier.retry import OnUnknown, RetryPolicy

Build = Callable[[Event], Any]
BuildT = TypeVar("BuildT", bound=Build)

_ATTRIBUTE = "__notifier_routes__"


@dataclass(frozen=True)
class Route:
    """Owns the events that it matches and builds the request to the channel; `build` may return None: nobody
    is to be told.
    """

    name: str
    table: str
    channel: str
    build: Build
    matches: Predicate
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    on_unknown: OnUnknown | None = None
    """None: resend where the provider would have told of an acceptance, else hold."""
    expires_after: float | None = None
    topic: str = ""
    transactional: bool = False

    def expired(self, age: float) -> bool:
        """Whether an event that is `age` seconds old is no news any more."""
        return self.expires_after is not None and age >= self.expires_after


def route(
    *,
    table: str,
    channel: str,
    on: str | Sequence[str] = "INSERT",
    match: Pattern | None = None,
    match_old: Pattern | None = None,
    name: str | None = None,
    retry: RetryPolicy | None = None,
    on_unknown: str | None = None,
    expires_after: float | timedelta | None = None,
    topic: str = "",
    transactional: bool = False,
) -> Callable[[BuildT], BuildT]:
    """Make a function the route of the events that match. The first route of a module that matches owns the event.

    The function gets the `Event` and returns what its channel sends (`Email`), or None. It runs in a worker, may
    ask other databases and services, and is tried again when it raises. `match` and `match_old` are patterns for the
    images after and before the change, in the words of `notifier.matching`. `name` is part of the identity of the
    notifications, the function's name unless given: do not change it while records may be read again.

    `on_unknown` is resend, hold or drop: what becomes of an attempt whose answer was lost, when the provider's events
    tell of no acceptance. Unless given it is resend, but hold on a channel whose provider tells of nothing. After
    `expires_after` (seconds, or a timedelta) the event is no news any more and its notification `expired`. `topic` is
    what people can opt out of; a `transactional` notification is sent to those who opted out, too, but never to an
    address that bounced or complained.
    """

    def register(build: BuildT) -> BuildT:
        if type(build) is not FunctionType:
            raise RoutesError(f"@route decorates a function, not {build!r}")
        names = (on,) if isinstance(on, str) else tuple(on)
        made = Route(
            name=name or build.__name__,
            table=table,
            channel=channel,
            build=build,
            matches=compile_match(table, names, match or {}, match_old or {}),
            retry=retry or RetryPolicy(),
            on_unknown=_on_unknown(on_unknown),
            expires_after=_seconds(expires_after),
            topic=topic,
            transactional=transactional,
        )
        setattr(build, _ATTRIBUTE, (made, *routes_of(build)))  # decorators apply from the bottom up
        return build

    return register


def _on_unknown(given: str | None) -> OnUnknown | None:
    try:
        return None if given is None else OnUnknown(given)
    except ValueError:
        raise RoutesError(f"on_unknown={given!r} is not one of {', '.join(OnUnknown)}") from None


def _seconds(given: float | timedelta | None) -> float | None:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
        raise RoutesError(f"expires_after={given!r} is not a time in seconds above 0, nor a timedelta")
    return seconds


class Routes:
    """The routes of one module, in the order in which they stand there."""

    def __init__(self, routes: Iterable[Route], source: Path | None = None) -> None:
        self._all = tuple(routes)
        self.source = source
        names = [each.name for each in self._all]
        if twice := {name for name in names if names.count(name) > 1}:
            raise RoutesError(f"two routes are called {', '.join(sorted(twice))}; give one a name=")

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def owner(self, event: Event) -> Route | None:
        """The first route that matches, None where nobody is to be told."""
        for each in self._by_table.get(event.table, ()):
            if each.matches(event):
                return each
        return None

    def get(self, name: str) -> Route | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Route:
        try:
            return self._by_name[name]
        except KeyError:
            raise RoutesError(
                f"no route is called {name!r} any more; put it back, or resolve its notifications"
            ) from None

    @cached_property
    def _by_name(self) -> dict[str, Route]:
        return {each.name: each for each in self._all}

    @cached_property
    def _by_table(self) -> dict[str, list[Route]]:
        tables: dict[str, list[Route]] = {}
        for each in self._all:
            tables.setdefault(each.table, []).append(each)
        return tables


def routes_of(function: object) -> tuple[Route, ...]:
    """The routes that decorate a function, the topmost first."""
    if type(function) is not FunctionType:  # a proxy in the user's module may raise whatever it is asked
        return ()
    found: tuple[Route, ...] = getattr(function, _ATTRIBUTE, ())
    return found


def load_routes(module: str) -> Routes:
    """The routes of a module, named as `package.module`. Raises RoutesError that says what to mend."""
    from notifier.channels import check_channels

    if not module:
        raise RoutesError("NOTIFIER_ROUTES is not set: name the Python module with your routes, as package.module")
    if module.endswith(".py") or "/" in module:
        name = module.removeprefix("./").removesuffix(".py").replace("/", ".")
        raise RoutesError(f"NOTIFIER_ROUTES={module} is a file: name the module, without .py: NOTIFIER_ROUTES={name}")
    loaded = _import(module)
    found = [each for value in vars(loaded).values() for each in routes_of(value)]
    if not found:
        raise RoutesError(f"{module} has no route: decorate a function with @route(table=..., channel=...)")
    check_channels(found)
    return Routes(found, Path(loaded.__file__) if loaded.__file__ else None)


def _import(module: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last: no file of that folder takes a library's place
    try:
        return importlib.import_module(module)
    except RoutesError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise RoutesError(
                f"NOTIFIER_ROUTES={module}: there is no such module in {here} or on PYTHONPATH"
            ) from None
        raise RoutesError(f"NOTIFIER_ROUTES={module} needs {error.name}, which is not installed") from error
    except Exception as error:  # user code: whatever it raises is told in one line
        raise RoutesError(f"NOTIFIER_ROUTES={module} failed on import: {type(error).__name__}: {error}") from error
