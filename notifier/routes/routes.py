"""The routes of one module, and which of them an event belongs to."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from notifier.errors import ImageMissing, RoutesError
from notifier.events import Event
from notifier.routes.route import Route
from notifier.routes.views import missing


class Routes:
    """The routes of one module, in the order in which they stand in it. `source` is its file.

    Raises RoutesError for two routes of one name.
    """

    def __init__(self, routes: Iterable[Route], source: Path | None = None) -> None:
        self._all = tuple(routes)
        self.source = source
        by_name: dict[str, list[Route]] = {}
        for each in self._all:
            by_name.setdefault(each.name, []).append(each)
        if twice := [several for several in by_name.values() if len(several) > 1]:
            raise RoutesError("; ".join(map(_named_twice, twice)))

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def asking_for(self, wanted_updates: int) -> "Routes":
        """Return the same routes; those that do not say of which statuses they want updates want these."""
        return Routes(
            (
                replace(each, wanted_updates=wanted_updates) if each.wanted_updates is None else each
                for each in self._all
            ),
            self.source,
        )

    def owner(self, event: Event) -> Route | None:
        """Return the first route that matches, None if none does.

        Raises ImageMissing if a pattern reads an attribute that the stream left out of the record.
        """
        routes = self._by_table.get(event.table, ())
        if (event.new is None and event.name != "REMOVE") or (event.old is None and event.name != "INSERT"):
            return _owner_of_partial(event, routes)
        for each in routes:
            if each.matches(event):
                return each
        return None

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


def _owner_of_partial(event: Event, routes: Sequence[Route]) -> Route | None:
    """Return the owner of a record without an image that its kind of event could have.

    Patterns that read the keys only are matched against the keys. Raises ImageMissing for other patterns.
    """
    new, old = event.new is not None, event.old is not None
    whole = with_keys(event)
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
