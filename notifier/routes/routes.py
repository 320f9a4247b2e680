"""The routes of one module, and which of them claim an event."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from notifier.errors import ImageMissing, RoutesError
from notifier.events import Event
from notifier.lanes import Lane, queue_of
from notifier.routes.limits import Limit, check_shared
from notifier.routes.options import milliseconds
from notifier.routes.route import Route
from notifier.routes.views import missing


class Routes:
    """The routes of one module, in the order in which they stand in it. `source` is its file.

    Raises RoutesError for two routes of one name, or for two limits of what is counted together.
    """

    def __init__(self, routes: Iterable[Route], source: Path | None = None) -> None:
        self._all = tuple(routes)
        self.source = source
        self.beside = frozenset(each.name for each in self._all if not each.exclusive)
        """The names of the routes that claim events beside their owner."""
        by_name: dict[str, list[Route]] = {}
        for each in self._all:
            by_name.setdefault(each.name, []).append(each)
        if twice := [several for several in by_name.values() if len(several) > 1]:
            raise RoutesError("; ".join(map(_named_twice, twice)))
        limits: dict[str, Limit] = {}
        for each in self._all:
            if each.at_most:
                check_shared(limits, each.at_most.scope(each.name), each.at_most, each.where or "?")

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def asking_for(self, wanted_updates: int) -> "Routes":
        """Return the same routes; those that name no statuses for updates get these."""
        return Routes(
            (
                replace(each, wanted_updates=wanted_updates) if each.wanted_updates is None else each
                for each in self._all
            ),
            self.source,
        )

    def in_shadow(self, everything: bool, until: datetime | None, since: datetime | None = None) -> "Routes":
        """Return the same routes; all in shadow if `everything`, or for events from before `until` and from `since`
        on.

        What a route itself says stays.
        """
        if not everything and until is None and since is None:
            return self
        until_ms = milliseconds("until", until)
        from_ms = 0 if since is None else max(1, milliseconds("since", since))  # 0 is none: 1970 means all events
        return Routes(
            (
                replace(
                    each,
                    shadow=each.shadow or everything,
                    shadow_until_ms=max(each.shadow_until_ms, until_ms),
                    shadow_from_ms=from_ms,
                )
                for each in self._all
            ),
            self.source,
        )

    def claims(self, event: Event) -> Sequence[Route]:
        """Return the routes that claim the event, in their order: each makes one notification of it.

        The first exclusive route that matches is the owner of the event. A route that is not exclusive claims each
        event that it matches, before or after the owner, and also without one. Empty if none matches. Raises
        ImageMissing if a pattern that must be matched reads an attribute that the stream left out of the record.
        """
        routes = self._by_table.get(event.table, ())
        if (event.new is None and event.name != "REMOVE") or (event.old is None and event.name != "INSERT"):
            return _claims(routes, _matches_partial(event))
        if self.beside:
            return _claims(routes, lambda route: route.matches(event))
        for each in routes:
            if each.matches(event):
                return (each,)
        return ()

    def owner(self, event: Event) -> Route | None:
        """Return the first exclusive route that matches, None if none does. Raises ImageMissing as `claims` does."""
        return owner_of(self.claims(event))

    def has_table(self, table: str) -> bool:
        """Return whether any route is for this table."""
        return table in self._by_table

    def get(self, name: str) -> Route | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Route:
        """Return the route of that name. Raise RoutesError if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise RoutesError(
                f"no route is called {name!r} any more: put it back and restart the workers, or give up what waits "
                f"for it with `notifier cancel --route {shlex.quote(name)} --reason WHY`"
            ) from None

    @cached_property
    def lanes(self) -> Mapping[str, Lane]:
        """The lanes of the routes that are not of the normal one, by the name of the route."""
        return {each.name: each.lane for each in self._all if each.lane is not Lane.NORMAL}

    @cached_property
    def queues(self) -> frozenset[str]:
        """The queues of the routes, one for each channel and lane."""
        return frozenset(queue_of(channel, each.lane) for each in self._all for channel in each.channels)

    def has_lanes(self, channel: str) -> bool:
        """Return whether a route of this channel names another lane than the normal one."""
        return any(channel in each.channels and each.lane is not Lane.NORMAL for each in self._all)

    def has_digests(self, channel: str) -> bool:
        """Return whether a route of this channel collects events to one message."""
        return any(each.channel == channel and each.digest is not None for each in self._all)

    @cached_property
    def _by_name(self) -> dict[str, Route]:
        return {each.name: each for each in self._all}

    @cached_property
    def _by_table(self) -> dict[str, list[Route]]:
        tables: dict[str, list[Route]] = {}
        for each in self._all:
            tables.setdefault(each.table, []).append(each)
        return tables


def _named_twice(routes: Sequence[Route]) -> str:
    places = " and ".join(each.where or "?" for each in routes)
    return f"two routes are called {routes[0].name}: {places}; rename one of the functions, or give it a name="


def with_keys(event: Event) -> Event:
    """Return the event with its keys in place of the images that its record does not carry."""
    item = event.keys if event.new is None and event.old is None else event.new
    before = event.keys if event.old is None and event.name != "INSERT" else event.old
    return replace(event, new=item, old=before)


def owner_of(claims: Iterable[Route]) -> Route | None:
    """Return the route that owns an event, of those that claim it; None if all claim it beside an owner."""
    return next((each for each in claims if each.exclusive), None)


def _claims(routes: Sequence[Route], matches: Callable[[Route], bool]) -> Sequence[Route]:
    """Return the first exclusive route that matches, and all others that match, in their order. The exclusive routes
    after the owner are not matched.
    """
    found: list[Route] = []
    owned = False
    for each in routes:
        if (each.exclusive and owned) or not matches(each):
            continue
        owned = owned or each.exclusive
        found.append(each)
    return found


def _matches_partial(event: Event) -> Callable[[Route], bool]:
    """Return a function that returns whether a route matches a record without an image that its kind of event could
    have.

    Patterns that read the keys only are matched against the keys. It raises ImageMissing for other patterns.
    """
    new, old = event.new is not None, event.old is not None
    whole = with_keys(event)

    def matches(route: Route) -> bool:
        if event.name not in route.on:
            return False
        if lacking := missing(route, event.name, new=new, old=old, keys=event.keys):
            names = ", ".join(sorted(lacking))
            raise ImageMissing(
                f"the route {route.name} matches on {names}, which this record of {event.name} does not carry: what "
                "is the view type of its stream?"
            )
        return route.matches(whole)

    return matches
