"""Compares the attributes in a stream's records (its view type) with what the routes read: at start and for each new
stream.

A record without an attribute that a route matches on is quarantined when it is read. This logs it before.
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
    """Asks DynamoDB for a stream's view type: `StreamsClient`, or a test double."""

    def view(self, arn: str) -> View: ...


class ViewWatch:
    """Watches the streams of this bridge's tables. Each table is judged by its newest stream: nothing more is written
    to the older ones.
    """

    def __init__(self, source: ViewSource, routes: Routes) -> None:
        self._source = source
        self._routes = routes
        self._faults: dict[str, list[str]] = {}
        self._newest: dict[str, str] = {}

    def check_at_start(
        self, streams: Mapping[str, Iterable[str]], keep_alive: Callable[[], None] = lambda: None
    ) -> None:
        """Raise RoutesError if a route of a table could never match on the table's newest stream.

        `streams` are the ARNs of each table. A table whose newest stream cannot be described now is not judged here:
        the shard discovery compares it later. `keep_alive` is called before each call, see `ListingTurn.keep_alive`.
        """
        for table, arns in streams.items():
            for arn in sorted(arns, reverse=True):
                keep_alive()
                try:
                    self.compare(table, arn)
                except NotifierError as error:
                    log.warning(
                        "the view type of a stream could not be read: the shard discovery tries again",
                        stream=arn,
                        reason=str(error),
                    )
        if found := [line for table in streams for line in self._newest_faults(table)]:
            raise RoutesError(f"{'; '.join(found)}. To correct it, {REMEDY}")

    def compare(self, table: str, arn: str) -> None:
        """Compare a stream with the routes, once, and log what is wrong. Raise NotifierError if DynamoDB does not
        describe it.
        """
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
        """Return the faults of the table's newest stream; none if that was not described yet."""
        return self._faults.get(self._newest.get(table, ""), [])
