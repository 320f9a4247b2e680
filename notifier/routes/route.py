"""Routes: which events become a notification, and what it says. What users write."""

import importlib
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import structlog

from notifier.errors import ImageMissing, RoutesError
from notifier.events import EVENT_NAMES, Event
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes.declarations import declare, declared_elsewhere, routes_in, routes_of
from notifier.routes.matching import Pattern, Predicate, compile_match
from notifier.routes.options import (
    checked_function,
    event_names,
    flag,
    on_unknown_of,
    pattern_of,
    place_of,
    retry_of,
    seconds,
    texts,
    timeout_of,
)
from notifier.routes.views import attributes_read, missing

__all__ = ["Build", "Route", "Routes", "load_routes", "route", "routes_of"]

Build = Callable[[Event], Any]
BuildT = TypeVar("BuildT", bound=Build)

log = structlog.get_logger(__name__)


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
    timeout: float | None = None
    """Seconds that one run of `build` may take; None: the worker's own limit of 30."""
    where: str = ""
    """Where its function is defined, as file:line."""
    on: frozenset[str] = EVENT_NAMES
    reads: frozenset[str] = frozenset()
    """The attributes that `match` reads."""
    reads_old: frozenset[str] = frozenset()
    """The attributes that `match_old` reads."""

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
    timeout: float | timedelta | None = None,
) -> Callable[[BuildT], BuildT]:
    """Make a function the route of the events that match. The first route of a module that matches owns the event.

    The function gets the `Event` and returns what its channel sends (`Email`), or None: nobody is to be told. It runs
    in a worker, may ask other databases and services, and is tried again when it raises.

        @route(table="orders", on="MODIFY", match={"status": ["shipped"]}, channel="email")
        def shipped(event: Event) -> Email | None: ...

    Raises RoutesError, with the route's name, file and line, for an option that is wrong or that can never match.

    Args:
        table: The DynamoDB table.
        channel: `email`, `sms`, `webhook`, or another one that is installed.
        on: `INSERT`, `MODIFY`, `REMOVE`, or a list of these.
        match: A pattern for the item after the change, in the words of `notifier.routes.matching`. None: any.
        match_old: The same for the item before the change.
        name: Part of the identity of the notifications; unless given, the function's name. Do not change it while
            records may be read again, which is for 24 hours.
        retry: When a failed attempt is tried again, and when no more. None: `RetryPolicy()`.
        on_unknown: What becomes of an attempt whose answer was lost, when the provider's events tell of no
            acceptance: `resend`, `hold` (for an operator) or `drop`. None: `resend`, but `hold` on a channel whose
            provider tells of nothing.
        expires_after: Seconds, or a timedelta, after which the event is no news any more, and its notification
            `expired`. None: never.
        topic: What people can opt out of.
        transactional: Send it also to those who opted out; never to an address that bounced or complained.
        timeout: Seconds, or a timedelta, that the function may run; None: 30, and 300 at most. What takes longer has
            failed, and is tried again. It cannot be stopped: give what it asks a timeout of its own, and keep both
            below `NOTIFIER_VISIBILITY_SECONDS`, after which another worker runs the function, too.
    """

    def register(build: BuildT) -> BuildT:
        called: str = getattr(build, "__name__", "?") if name is None else name
        where = place_of(build)
        try:
            checked_function(build, name)
            names = event_names(on)
            texts(table=table, channel=channel, name=called, topic=topic)
            new, old = pattern_of("match", match), pattern_of("match_old", match_old)
            made = Route(
                name=called,
                table=table,
                channel=channel,
                build=build,
                matches=compile_match(table, names, new, old),
                retry=retry_of(retry),
                on_unknown=on_unknown_of(on_unknown),
                expires_after=seconds("expires_after", expires_after),
                topic=topic,
                transactional=flag("transactional", transactional),
                timeout=timeout_of(timeout),
                where=where,
                on=frozenset(names),
                reads=attributes_read(new),
                reads_old=attributes_read(old),
            )
        except RoutesError as error:
            raise RoutesError(f"{where or '?'}: route {called!r}: {error}") from None
        declare(build, made)
        return build

    return register


class Routes:
    """The routes of one module, in the order in which they stand there. Raises RoutesError for two of one name."""

    def __init__(self, routes: Iterable[Route], source: Path | None = None) -> None:
        self._all = tuple(routes)
        self.source = source
        by_name: dict[str, list[Route]] = {}
        for each in self._all:
            by_name.setdefault(each.name, []).append(each)
        if twice := [several for several in by_name.values() if len(several) > 1]:
            raise RoutesError("; ".join(map(_of_one_name, twice)))

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def owner(self, event: Event) -> Route | None:
        """The first route that matches, None where nobody is to be told.

        Raises ImageMissing where a pattern reads an attribute that the stream left out of the record.
        """
        routes = self._by_table.get(event.table, ())
        if (event.new is None and event.name != "REMOVE") or (event.old is None and event.name != "INSERT"):
            return _owner_of_partial(event, routes)
        for each in routes:
            if each.matches(event):
                return each
        return None

    def has_table(self, table: str) -> bool:
        """Whether any route is for this table."""
        return table in self._by_table

    def get(self, name: str) -> Route | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Route:
        try:
            return self._by_name[name]
        except KeyError:
            raise RoutesError(
                f"no route is called {name!r} any more: put it back and restart the workers, or give up what waits "
                f"for it with `notifier cancel --route {shlex.quote(name)} --reason WHY`"
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


def _of_one_name(routes: Sequence[Route]) -> str:
    places = " and ".join(each.where or "?" for each in routes)
    return f"two routes are called {routes[0].name}: {places}; rename one of the functions, or give it a name="


def _owner_of_partial(event: Event, routes: Sequence[Route]) -> Route | None:
    """The owner of a record that lacks an image which its kind of event could have: its keys stand for the item,
    where the patterns read nothing else.
    """
    new, old = event.new is not None, event.old is not None
    item = event.keys if not new and not old else event.new
    before = event.keys if not old and event.name != "INSERT" else event.old
    whole = replace(event, new=item, old=before)
    for each in routes:
        if event.name not in each.on:
            continue
        if lacking := missing(each, event.name, new=new, old=old, keys=event.keys):
            names = ", ".join(sorted(lacking))
            raise ImageMissing(
                f"the route {each.name} matches on {names}, which this record of {event.name} does not carry: what "
                "is the view type of its stream?"
            )
        if each.matches(whole):
            return each
    return None


def load_routes(module: str) -> Routes:
    """The routes of a module, named as `package.module`. Raises RoutesError that says what to mend."""
    from notifier.channels import check_channels

    if not module:
        raise RoutesError("NOTIFIER_ROUTES is not set: name the Python module with your routes, as package.module")
    if module.endswith(".py") or "/" in module:
        name = module.removeprefix("./").removesuffix(".py").replace("/", ".")
        raise RoutesError(f"NOTIFIER_ROUTES={module} is a file: name the module, without .py: NOTIFIER_ROUTES={name}")
    loaded = _import(module)
    found = routes_in(loaded)
    if others := declared_elsewhere(found):
        log.warning(
            "routes of other modules are not used: import the modules, or the functions, in NOTIFIER_ROUTES",
            routes=[f"{each.name} ({each.where})" for each in others[:10]],
            count=len(others),
        )
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
        reason = f"{type(error).__name__}: {error}{_line_of(error)}"
        raise RoutesError(f"NOTIFIER_ROUTES={module} failed on import: {reason}") from error


def _line_of(error: Exception) -> str:
    """Where user code raised it; a SyntaxError says so itself."""
    ours = str(Path(__file__).parents[1])
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith((ours, "<"))]
    frames = [each for each in frames if each.filename != importlib.__file__]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames and not isinstance(error, SyntaxError) else ""
