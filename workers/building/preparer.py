"""From a record to what is sent: the user's function is called, and what it returns is rendered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from notifier.channels import Channel
from notifier.errors import RoutesError
from notifier.events import Event
from notifier.outbox import Change, DueNotification
from notifier.outbox import records as wire
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.templates import Templates
from workers.decide import after_error, expired, not_built, skipped

log = structlog.get_logger(__name__)

_LOST_ROUTE = RetryPolicy(attempts=20, base=5.0, cap=600.0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification that is ready to be sent: what its route asked for, rendered. `address` is for suppressions."""

    work: DueNotification
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
        """One that lets `call` say what becomes of a notification whose build met MemoryError, which may be another's
        fault. Otherwise that is a failure like any other.
        """
        return Preparer(self._channel, self._routes, self._templates, call)

    def prepare(self, work: DueNotification) -> Prepared | Change:
        """Build and render. The user's code may raise anything; that is one failure of this notification only."""
        prepared = self._prepare(work)
        if prepared is None:  # what the function had filled the memory with went with its error
            assert self._out_of_memory  # noqa: S101  narrows the type
            return self._out_of_memory(work)
        return prepared

    def _prepare(self, work: DueNotification) -> Prepared | Change | None:
        """None where `out_of_memory` is to say what becomes of it."""
        policy = _LOST_ROUTE
        try:
            route = self._routes[work.route]
            if route.expired(work.age):
                return expired(work, route.expires_after)
            policy = route.retry
            request = route.build(Event.from_record(work.table, wire.parse(work.record)))
            if request is None:
                return skipped(work)
            self._check(route, request)
            content = self._channel.render(request, self._templates)
            return Prepared(work, request, content, route, self._address(request))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
            log.warning("route failed", notification=str(work.id), route=work.route, error=type(error).__name__)
            if self._out_of_memory and isinstance(error, MemoryError):
                return None
            return after_error(work, error, policy)

    def not_built(self, work: DueNotification, hangs: bool) -> Change:
        """What becomes of a notification that its unit did not wait for."""
        log.warning("route not waited for", notification=str(work.id), route=work.route, hangs=hangs)
        return not_built(work, self.policy(work), hangs=hangs)

    def policy(self, work: DueNotification) -> RetryPolicy:
        route = self._routes.get(work.route)
        return route.retry if route else _LOST_ROUTE

    def timeout(self, work: DueNotification) -> float | None:
        """What the route says of how long it may take, in seconds."""
        route = self._routes.get(work.route)
        return route.timeout if route else None

    def route(self, work: DueNotification) -> Route:
        """Raises RoutesError where there is none any more."""
        return self._routes[work.route]

    def _check(self, route: Route, request: object) -> None:
        wanted = self._channel.request_type
        if not isinstance(request, wanted):
            found = type(request).__name__
            raise RoutesError(f"the route {route.name!r} returned {found}, its channel sends {wanted.__name__}")
        if not isinstance(to := getattr(request, "to", None), str):
            raise RoutesError(f"the route {route.name!r} gave {type(to).__name__} as recipient, not text")

    def _address(self, request: Any) -> str:
        address: object = self._channel.address(request.to)
        if not isinstance(address, str):
            raise TypeError(f"the channel gave {type(address).__name__} as address, not text")
        return address
