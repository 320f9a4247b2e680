"""Runs routes and renders templates in a test. Nothing is sent, and no server is needed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from notifier.channels import Channel, load_for_rendering
from notifier.errors import UsageError
from notifier.events import Event
from notifier.mail import checked_files
from notifier.messages import Email, EmailContent, with_identity
from notifier.notifications import first_id
from notifier.preview.routing import verdicts
from notifier.preview.settings import preview_settings
from notifier.routes import Route, Routes, routes_of
from notifier.routes.loading import load_routes
from notifier.routes.requests import check_request
from notifier.routes.routes import owner_of
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.testing.message import PlainMessage, plain_message
from notifier.timing import Later
from notifier.timing.current import BUILT
from notifier.unsubscribe import SAMPLE_URL, with_link

RouteFunctions = str | Callable[..., Any] | Iterable[Callable[..., Any]]
"""The name of a module with routes, one function with `@route`, or several of them in their order."""


class NotClaimed(AssertionError):
    """No route claims the event. The text says of each route why not."""


@dataclass(frozen=True)
class RouteRun:
    """What a route made of an event.

        run = run_route("shop.notifications", event)
        assert run.name == "shipped"
        assert run.message.subject == "Your order is on its way"

    The message is rendered when it is first asked for.
    """

    route: Route
    """The route that claims the event."""
    returned: Any
    """What its function returned: an `Email` for instance, a `Later`, or None."""
    templates: Callable[[], Templates]
    """Returns the templates that `message` renders."""
    settings: Settings
    """The settings of the environment, with placeholders for servers."""
    channel: str
    """The channel for which the message is."""

    @property
    def name(self) -> str:
        """The name of the route."""
        return self.route.name

    @cached_property
    def message(self) -> PlainMessage:
        """The message, rendered as a worker would. Raise UsageError if the function returned none, and whatever the
        channel raises for a template that cannot be rendered.
        """
        channel: Channel = load_for_rendering(self.channel, self.settings)
        try:
            if self.returned is None or isinstance(self.returned, Later):
                raise UsageError(f"the route {self.name} returned {self.returned!r}: there is no message")
            check_request(self.route, channel, self.returned)
            request: Any = self.returned
            if self.route.identity and isinstance(request, Email):
                request = with_identity(request, self.route.identity)
            if self.route.has_opt_out:
                request = with_link(request, SAMPLE_URL)
            return plain_message(self.channel, request, channel.render(request, self.templates()))
        finally:
            with suppress(AttributeError):  # it lacks an account
                channel.close()


def run_route(
    routes: RouteFunctions,
    event: Event | Sequence[Event],
    *,
    now: datetime | None = None,
    templates: Path | str | None = None,
    channel: str | None = None,
    name: str | None = None,
) -> RouteRun:
    """Find the route that owns the event, or the one of that name, call its function, and return what it returned.

        run = run_route("shop.notifications", event_of("orders", new={"status": "paid", "email": "ana@example.com"}))
        assert run.name == "paid"
        assert run.returned == Email(to="ana@example.com", template="paid")

    A route with a digest gets a list of events, `run_route(viewed, [first, second])`, or of the one event.

    Raise NotClaimed, which says of each route why it does not match, if none does; UsageError for several events
    and a route without a digest; RoutesError for attachments that are no list; and whatever the function raises.

    Args:
        routes: A module with routes, by its name; one function with `@route`; or several of them.
        event: The event, as from `event_of`; for a route with a digest also a list of them, the oldest first.
        now: The time that `quiet_hours` and `business_hours` take for the current one. None: the first event's.
        templates: The folder of templates. None: NOTIFIER_TEMPLATES, or `templates` beside the module.
        channel: One of the channels of the route. None: its first.
        name: The name of one of the routes that claim the event. None: the owner; without one, the first that claims
            it beside an owner.
    """
    found, events = _routes(routes), [event] if isinstance(event, Event) else list(event)
    owner = _owner(found, events, name)
    settings = preview_settings()

    def folder() -> Templates:
        return Templates(Path(templates)) if templates else Templates.of(settings, _file(found, owner))

    channel = owner.channel if channel is None else channel
    if channel not in owner.channels:
        raise UsageError(f"the route {owner.name} has the channels {', '.join(owner.channels)}, not {channel}")
    return RouteRun(owner, _built(owner, events, channel, now), folder, settings, channel)


def render(
    template: str, context: Mapping[str, Any], *, templates: Path | str, locale: str | None = None
) -> EmailContent:
    """Return subject, text and HTML of an email template, rendered with these values.

        content = render("shipped", {"number": 17}, templates="shop/templates", locale="de")
        assert content.subject == "Bestellung 17 ist unterwegs"

    Raise TemplateError if a value is missing, or there is no such template.

    Args:
        template: The name of its folder.
        context: Its values, by name.
        templates: The folder of all templates.
        locale: Selects a translation. None: the files without a language.
    """
    return Templates(Path(templates)).render(template, context, locale)


@dataclass(frozen=True, slots=True)
class _Building:
    """The notification that `run_route` builds: `age` is seconds since its event."""

    id: UUID
    age: float
    brought_forward: bool = False


def _owner(routes: Routes, events: Sequence[Event], name: str | None) -> Route:
    """Return the route that owns the events, or the one of that name. Raise what `run_route` does."""
    if not events:
        raise UsageError("an empty list of events: a digest has one at least")
    owners = [_owner_of_one(routes, each, name) for each in events]
    if len(events) > 1 and owners[0].digest is None:
        raise UsageError(f"the route {owners[0].name} has no digest: its function gets one event, not {len(events)}")
    for event, owner in zip(events, owners, strict=True):
        if owner is not owners[0]:
            raise NotClaimed(
                f"the {event.name} {dict(event.keys)} is of the route {owner.name}, not {owners[0].name}"
            )
    return owners[0]


def _owner_of_one(routes: Routes, event: Event, name: str | None) -> Route:
    claims = routes.claims(event)
    owner = owner_of(claims) if name is None else None
    owner = owner or next((each for each in claims if name in (None, each.name)), None)
    if owner is None:
        raise NotClaimed(_unclaimed(routes, claims, event))
    return owner


def _built(route: Route, events: Sequence[Event], channel: str, now: datetime | None) -> Any:
    """Call the route's function with that time as the database's."""
    event = events[0]
    created_ms = int(event.created_at.timestamp() * 1000)
    age = (now - event.created_at) / timedelta(seconds=1) if now else 0.0
    token = BUILT.set(_Building(first_id(created_ms), age))
    try:
        request = route.request(events, channel)
    finally:
        BUILT.reset(token)
    if isinstance(request, Email) and request.attachments:
        checked_files(request.attachments)
    return request


def _routes(given: RouteFunctions) -> Routes:
    if isinstance(given, str):
        return load_routes(given)
    functions = [given] if callable(given) else list(given)
    found = [route for each in functions for route in routes_of(each)]
    if not found:
        raise UsageError("none of these functions has a @route")
    return Routes(found)


def _file(routes: Routes, route: Route) -> Path | None:
    """Return the file of the routes' module, or that in which the function of the route is."""
    where = route.where.rpartition(":")[0]
    return routes.source or (Path(where) if where else None)


def _unclaimed(routes: Routes, claims: Sequence[Route], event: Event) -> str:
    which = "the wanted route does not claim" if claims else "no route claims"
    lines = [f"{which} this {event.name} in the table {event.table}:"]
    lines += [
        f"  {each['name']}: {'it claims it' if each['claims'] else '; '.join(each['reasons'])}"
        for each in verdicts(routes, claims, event)
    ]
    return "\n".join(lines)
