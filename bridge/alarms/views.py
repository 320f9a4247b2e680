"""Compares what streams carry with what the routes read: once for each stream, at start and when another one comes.

A record that lacks what a route reads is quarantined when it is read. This says so before, and what to do.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from bridge.counters import VIEW_FAULTS
from notifier.errors import NotifierError, RoutesError
from notifier.routes import Routes
from notifier.routes.views import REMEDY, View, unreadable, without_item

log = structlog.get_logger(__name__)


class ViewSource(Protocol):
    def view(self, arn: str) -> View: ...


class ViewWatch:
    """The streams of this bridge's tables. Of each table the newest stream counts: those before it are read to their
    end, and no more is written to them.
    """

    def __init__(self, source: ViewSource, routes: Routes) -> None:
        self._source = source
        self._routes = routes
        self._faults: dict[str, list[str]] = {}
        self._newest: dict[str, str] = {}

    def check_at_start(self, streams: Mapping[str, Iterable[str]], keep: Callable[[], None] = lambda: None) -> None:
        """Raise RoutesError where a route of a table could never match on its newest stream. `streams` are the ARNs
        of each table. What cannot be asked now is asked again by the sweep: a table is judged by its newest stream or
        not at all. `keep` is called before each question, see `ListingTurn.keep_alive`.
        """
        for table, arns in streams.items():
            for arn in sorted(arns, reverse=True):
                keep()
                try:
                    self.compare(table, arn)
                except NotifierError as error:
                    log.warning("the view type of a stream could not be asked for", stream=arn, reason=str(error))
        if found := [line for table in streams for line in self._newest_faults(table)]:
            raise RoutesError(f"{'; '.join(found)}. To mend it, {REMEDY}")

    def compare(self, table: str, arn: str) -> None:
        """Compare a stream that is new to this bridge. Raises NotifierError where it cannot be asked for."""
        if arn in self._faults:
            return
        self._newest[table] = max(arn, self._newest.get(table, ""))  # the names of a table's streams end with a time
        VIEW_FAULTS.labels(table).set(len(self._newest_faults(table)))
        view = self._source.view(arn)
        self._faults[arn] = found = unreadable(self._routes, table, view)
        VIEW_FAULTS.labels(table).set(len(self._newest_faults(table)))
        for line in found:
            log.error("ALARM: records of a stream go to quarantine", stream=arn, reason=line, remedy=REMEDY)
        if routes := without_item(self._routes, table, view):
            log.warning("events reach these routes without an item", stream=arn, view_type=view.type, routes=routes)

    def _newest_faults(self, table: str) -> list[str]:
        """Those of the table's newest stream; none where that could not be asked for yet."""
        return self._faults.get(self._newest.get(table, ""), [])
