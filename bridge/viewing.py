"""Compares what streams carry with what the routes read: once for each stream, at start and when another one comes.

A record that lacks what a route reads is quarantined when it is read. This says so before, and what to do.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from bridge.counters import VIEW_FAULTS
from notifier.errors import NotifierError, RoutesError
from notifier.routes import Routes
from notifier.views import REMEDY, View, unreadable, without_item

log = structlog.get_logger(__name__)


class Viewer(Protocol):
    def view(self, arn: str) -> View: ...


class ViewWatch:
    """The streams of this bridge's tables. Of each table the newest stream counts: those before it are read to their
    end, and no more is written to them.
    """

    def __init__(self, source: Viewer, routes: Routes) -> None:
        self._source = source
        self._routes = routes
        self._faults: dict[str, list[str]] = {}
        self._newest: dict[str, str] = {}

    def refuse(self, streams: Mapping[str, Iterable[str]]) -> None:
        """Raise RoutesError where a route of a table could never match on its newest stream. `streams` are the ARNs
        of each table. What cannot be asked now is asked again by the sweep.
        """
        for table, arns in streams.items():
            try:
                for arn in sorted(arns):
                    self.look(table, arn)
            except NotifierError as error:
                log.warning("the view type of a stream could not be asked for", table=table, reason=str(error))
        if found := [line for arn in self._newest.values() for line in self._faults[arn]]:
            raise RoutesError(f"{'; '.join(found)}. To mend it, {REMEDY}")

    def look(self, table: str, arn: str) -> None:
        """Compare a stream that is new to this bridge. Raises NotifierError where it cannot be asked for."""
        if arn in self._faults:
            return
        view = self._source.view(arn)
        self._faults[arn] = found = unreadable(self._routes, table, view)
        self._newest[table] = max(arn, self._newest.get(table, ""))  # the names of a table's streams end with a time
        VIEW_FAULTS.labels(table).set(len(self._faults[self._newest[table]]))
        for line in found:
            log.error("ALARM: records of a stream go to quarantine", stream=arn, reason=line, remedy=REMEDY)
        if routes := without_item(self._routes, table, view):
            log.warning("events reach these routes without an item", stream=arn, view_type=view.type, routes=routes)
