"""Builds and renders one notification: calls the route's function, and renders what it returns."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import structlog

from notifier.channels import Channel
from notifier.errors import RoutesError, Unsendable
from notifier.events import Event
from notifier.messages import Copies, Email, has_copies, with_identity
from notifier.notifications import created_ms
from notifier.outbox import Change, DueNotification
from notifier.outbox import records as wire
from notifier.process.frozen import quick_init
from notifier.process.memory_budget import WaitAborted
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.routes.requests import check_request
from notifier.templates import Templates
from notifier.timing.current import BUILT
from notifier.timing.later import Later
from notifier.unsubscribe import Subscription, UnsubscribeLinks
from workers.building.attachments import AttachmentReader
from workers.building.recipients import Recipients, further_of
from workers.decide import (
    after_error,
    channel_missing,
    expired,
    no_memory,
    not_built,
    not_to_recipient,
    route_missing,
    scheduled,
    skipped,
    unsendable,
)
from workers.fallback import Fallback

log = structlog.get_logger(__name__)

_REMOVED_ROUTE = RetryPolicy(attempts=20, base=5.0, cap=600.0)
"""The retry policy of notifications whose route, or its digest, was removed."""

ROUTE_MAY_COME_SECONDS = 3600.0
"""An event that is younger may be of a route that other workers have: this one is of an older version."""


@quick_init
@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification that is ready to be sent.

    `request` is what the route returned, `content` what the channel rendered of it. `address` is the recipient as
    the suppression list spells it, `original` the person for whom it was built if it is redirected. `template` is the
    version of the template; empty without one. `further` are the other recipients of a mail to several, so spelled;
    so many are `left_out` because they are suppressed.
    """

    due: DueNotification
    request: Any
    content: Any
    route: Route
    address: str
    original: str = ""
    template: str = ""
    further: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def expires_at(self) -> float | None:
        """When its event is too old, in seconds since 1970. None: never."""
        after = self.route.expires_after
        return None if after is None else created_ms(self.due.id) / 1000 + after


class Preparer:
    """Prepares the notifications of one channel. Safe to share between threads."""

    def __init__(
        self,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        *,
        out_of_memory: Callable[[DueNotification], Prepared | Change] | None = None,
        links: UnsubscribeLinks | None = None,
        recipients: Recipients | None = None,
        attachments: AttachmentReader | None = None,
        name: str = "",
    ) -> None:
        """With `links`, messages about a topic have a link to unsubscribe from it. `recipients` restricts who gets
        messages; None: nothing does. `attachments` reads their files; None: the channel's messages have none.
        `name` is that of the channel; empty: that of the route.
        """
        self._channel = channel
        self._routes = routes
        self._templates = templates
        self._out_of_memory = out_of_memory
        self._links = links
        self._recipients = recipients
        self._attachments = attachments
        self._name = name
        self._fallback = Fallback.of(name, routes)

    def when_out_of_memory(self, call: Callable[[DueNotification], Prepared | Change]) -> "Preparer":
        """Return a preparer that returns the result of `call` for a notification whose build raised MemoryError.

        Another build may have used the memory. Without `call`, MemoryError is a failure like any other.
        """
        made = copy(self)
        made._out_of_memory = call  # noqa: SLF001  of the same class
        return made

    def prepare(self, due: DueNotification) -> Prepared | Change:
        """Return the notification ready to be sent, or its change if nothing is to be sent.

        Whatever the user's code raises is a failure of this notification only.
        """
        route = self._routes.get(due.route)
        if route is None and due.age < ROUTE_MAY_COME_SECONDS:
            log.warning(
                "this worker has no such route: its delivery waits for another worker",
                notification=str(due.id),
                route=due.route,
            )
            return route_missing(due)
        prepared = self._prepare(due, route)
        if prepared is None:  # after the except block, so that the traceback no longer holds the memory
            assert self._out_of_memory  # noqa: S101  narrows the type
            return self._out_of_memory(due)
        return prepared

    def _prepare(self, due: DueNotification, route: Route | None) -> Prepared | Change | None:
        """Return None if `out_of_memory` is to be called."""
        policy = _REMOVED_ROUTE
        try:
            route = route or self._routes[due.route]  # which raises
            if route.expired(due.age):
                return expired(due, route.expires_after)
            _check_members(due)
            policy = route.retry
            events = _events(due)
            BUILT.set(due)
            request = route.request(events, self._name or route.channel)
            if request is None or isinstance(request, Later):
                return self._no_message(due, route, request)
            check_request(route, self._channel, request)
            return self._rendered(due, route, request)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
            return self._failed(due, error, policy)

    def _rendered(self, due: DueNotification, route: Route, request: Any) -> Prepared | Change:
        is_mail = isinstance(request, Email)
        if route.identity and is_mail:
            request = with_identity(request, route.identity)
        copies = is_mail and has_copies(request)
        if copies and self._recipients:
            request = self._recipients.allowed(self._channel, request)
        address, original = self._address(request), ""
        if self._recipients:
            original = address
            if reason := self._recipients.refusal(original):
                return not_to_recipient(due, reason)
            request = self._recipients.redirected(self._channel, request)
            address = self._address(request)
            copies = copies and has_copies(request)
        further = further_of(self._channel, request, address) if copies else ()
        if self._links and route.has_opt_out:
            request = self._links.added_to(request, Subscription(self._name or route.channel, address, route.topic))
        if self._attachments and request.attachments:
            request = self._attachments.read(request, due.id)
        content = self._channel.render(request, self._templates)
        template = getattr(request, "template", None)
        version = self._templates.version(template) if template and isinstance(template, str) else ""
        return Prepared(due, request, content, route, address, original, version, further)

    def _failed(self, due: DueNotification, error: BaseException, policy: RetryPolicy) -> Change | None:
        """Return None if `out_of_memory` is to be called."""
        if isinstance(error, Unsendable):
            return self._after(due, unsendable(due, error))
        if isinstance(error, WaitAborted):
            return no_memory(due)
        # Not its text: the name of a template that is missing may be a value of the item.
        log.warning("route failed", notification=str(due.id), route=due.route, error=type(error).__name__)
        if self._out_of_memory and isinstance(error, MemoryError):
            return None
        return self._after(due, after_error(due, error, policy))

    def _no_message(self, due: DueNotification, route: Route, later: Later | None) -> Change:
        return scheduled(due, later, route.expires_after) if later else self._after(due, skipped(due))

    def not_built(self, due: DueNotification, hangs: bool) -> Change:
        """Return the change of a notification that was not built in time. `hangs`: it exceeded its timeout."""
        log.warning("the unit went on without this build", notification=str(due.id), route=due.route, hangs=hangs)
        return self._after(due, not_built(due, self._policy(due), hangs=hangs))

    def _after(self, due: DueNotification, change: Change) -> Change:
        """Return the change, or that to the next channel.

        A newer version of the route may have sent it to this channel: then this one does not decide about it.
        """
        route = self._routes.get(due.route)
        if route is None:
            return change
        if self._name and self._name not in route.channels and due.age < ROUTE_MAY_COME_SECONDS:
            return channel_missing(due, self._name)
        return self._fallback.after(change, route) if self._fallback else change

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
        to = request.to
        if not isinstance(to, str):
            to = Copies.of(request).to[0]
        address: object = self._channel.address(to)
        if not isinstance(address, str):
            raise TypeError(f"the channel gave {type(address).__name__} as address, not text")
        return address


def _check_members(due: DueNotification) -> None:
    """Raise RoutesError for a leader that was tried with members, in a worker whose route collects nothing here."""
    if due.merged and due.members is None:
        raise RoutesError(
            f"its message had {due.merged} further event{'' if due.merged == 1 else 's'} of its digest, and in this "
            f"worker the route {due.route} has none: put digest= back, or give it up with "
            f"`notifier cancel {due.id} --reason WHY`"
        )


def _events(due: DueNotification) -> list[Event]:
    """Return its event, and those of its members: in the order of their time, then of their sequence numbers, because
    DynamoDB says only the second.
    """
    event = Event.from_record(due.table, wire.parse(due.record))
    if not due.members:
        return [event]
    events = [event, *(Event.from_record(due.table, wire.parse(each.record)) for each in due.members)]
    return sorted(events, key=lambda each: (each.created_at, int(each.sequence_number)))
