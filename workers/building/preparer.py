"""Builds and renders one notification: calls the route's function, and renders what it returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from notifier.channels import Channel
from notifier.events import Event
from notifier.outbox import Change, DueNotification
from notifier.outbox import records as wire
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.routes.requests import check_request
from notifier.templates import Templates
from workers.decide import after_error, expired, not_built, skipped

log = structlog.get_logger(__name__)

_REMOVED_ROUTE = RetryPolicy(attempts=20, base=5.0, cap=600.0)
"""The retry policy of notifications whose route was removed."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification that is ready to be sent.

    `request` is what the route returned, `content` what the channel rendered of it. `address` is the recipient as
    the suppression list spells it.
    """

    due: DueNotification
    request: Any
    content: Any
    route: Route
    address: str


class Preparer:
    """Prepares the notifications of one channel. Safe to share between threads."""

    def __init__(
        self,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        out_of_memory: Callable[[DueNotification], Prepared | Change] | None = None,
    ) -> None:
        self._channel = channel
        self._routes = routes
        self._templates = templates
        self._out_of_memory = out_of_memory

    def when_out_of_memory(self, call: Callable[[DueNotification], Prepared | Change]) -> "Preparer":
        """Return a preparer that returns the result of `call` for a notification whose build raised MemoryError.

        Another build may have used the memory. Without `call`, MemoryError is a failure like any other.
        """
        return Preparer(self._channel, self._routes, self._templates, call)

    def prepare(self, due: DueNotification) -> Prepared | Change:
        """Return the notification ready to be sent, or its change if nothing is to be sent.

        Whatever the user's code raises is a failure of this notification only.
        """
        prepared = self._prepare(due)
        if prepared is None:  # after the except block, so that the traceback no longer holds the memory
            assert self._out_of_memory  # noqa: S101  narrows the type
            return self._out_of_memory(due)
        return prepared

    def _prepare(self, due: DueNotification) -> Prepared | Change | None:
        """Return None if `out_of_memory` is to be called."""
        policy = _REMOVED_ROUTE
        try:
            route = self._routes[due.route]
            if route.expired(due.age):
                return expired(due, route.expires_after)
            policy = route.retry
            request = route.build(Event.from_record(due.table, wire.parse(due.record)))
            if request is None:
                return skipped(due)
            check_request(route, self._channel, request)
            content = self._channel.render(request, self._templates)
            return Prepared(due, request, content, route, self._address(request))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
            log.warning("route failed", notification=str(due.id), route=due.route, error=type(error).__name__)
            if self._out_of_memory and isinstance(error, MemoryError):
                return None
            return after_error(due, error, policy)

    def not_built(self, due: DueNotification, hangs: bool) -> Change:
        """Return the change of a notification that was not built in time. `hangs`: it exceeded its timeout."""
        log.warning("the unit went on without this build", notification=str(due.id), route=due.route, hangs=hangs)
        return not_built(due, self._policy(due), hangs=hangs)

    def _policy(self, due: DueNotification) -> RetryPolicy:
        route = self._routes.get(due.route)
        return route.retry if route else _REMOVED_ROUTE

    def timeout(self, due: DueNotification) -> float | None:
        """Return the timeout of its route in seconds; None if it has none."""
        route = self._routes.get(due.route)
        return route.timeout if route else None

    def route(self, due: DueNotification) -> Route:
        """Return its route. Raise RoutesError if the route was removed."""
        return self._routes[due.route]

    def _address(self, request: Any) -> str:
        address: object = self._channel.address(request.to)
        if not isinstance(address, str):
            raise TypeError(f"the channel gave {type(address).__name__} as address, not text")
        return address
