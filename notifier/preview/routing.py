"""The routes as documents of JSON values: what each is, and what becomes of an event."""

from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from notifier.errors import DecodeError, NotifierError
from notifier.events import Event
from notifier.outbox import records as wire
from notifier.preview.message import Built, failure_of, message_of
from notifier.preview.settings import preview_settings
from notifier.routes import Route, Routes
from notifier.routes.explanation import why_not
from notifier.routes.loading import load_routes
from notifier.routes.routes import owner_of
from notifier.routes.wording import duration_in_words, pattern_in_words
from notifier.settings import Settings
from notifier.status_updates import names_of
from notifier.templates import Templates

_NO_OPTIONS = frozenset(
    (
        "name",
        "table",
        "channel",
        "build",
        "matches",
        "where",
        "on",
        "reads",
        "reads_old",
        "match",
        "match_old",
        "takes_channel",
        "exclusive",
    )
)


class RouteFacts(TypedDict):
    """A route. `match` and `match_old` have a line for each attribute, `options` those that are not the defaults. One
    that is not `exclusive` claims events beside their owner.
    """

    name: str
    table: str
    on: list[str]
    channel: str
    exclusive: bool
    match: list[str]
    match_old: list[str]
    options: dict[str, str]
    where: str


class RouteVerdict(TypedDict):
    """Whether a route claims an event, and otherwise why not.

    One that is not `exclusive` claims it beside the owner.
    """

    name: str
    exclusive: bool
    claims: bool
    reasons: list[str]


class Beside(TypedDict):
    """A route that claims an event beside its owner, and what it makes of it."""

    route: str
    message: Built


class Trial(TypedDict):
    """`owner` is the route that owns the event, None if none does, and `message` what it makes of the event. `beside`
    are the routes that claim it beside the owner, or without one.
    """

    owner: str | None
    verdicts: list[RouteVerdict]
    message: Built | None
    beside: list[Beside]
    error: str


class Routing:
    """The routes and templates that the settings name, loaded now. Raise NotifierError if the routes cannot be."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or preview_settings()
        self.routes = load_routes(self._settings.routes)

    def facts(self) -> list[RouteFacts]:
        """Return the routes in their order."""
        return [facts_of(each) for each in self.routes]

    def try_event(self, event: Event) -> Trial:
        """Return which routes claim the event, why the others do not, and the messages that they make."""
        claims: Sequence[Route] = ()
        error = ""
        try:
            claims = self.routes.claims(event)
        except DecodeError as missing:
            error = str(missing)
        owner = owner_of(claims)
        return {
            "owner": owner.name if owner else None,
            "verdicts": verdicts(self.routes, claims, event),
            "message": self._message(owner, event) if owner else None,
            "beside": [
                {"route": each.name, "message": self._message(each, event)} for each in claims if each is not owner
            ],
            "error": error,
        }

    def rebuild(self, name: str, table: str, record: bytes) -> Built:
        """Return the message that the route of this name makes now of a record of the outbox."""
        try:
            return self._message(self.routes[name], Event.from_record(table, wire.parse(record)))
        except (NotifierError, ValueError) as error:
            return failure_of(error)

    def templates(self) -> Templates:
        """Return the templates of the routes. Raise NotifierError if there is no such folder."""
        return _templates(self._settings, self.routes)

    @staticmethod
    def templates_only() -> Templates:
        """Return the templates that the settings name. The routes are loaded only if nothing names the folder."""
        settings = preview_settings()
        return _templates(settings, None if settings.templates else load_routes(settings.routes))

    def _message(self, route: Route, event: Event) -> Built:
        try:
            templates = self.templates()
        except NotifierError as error:
            return failure_of(error)
        return message_of(route, event, templates, self._settings)


def _templates(settings: Settings, routes: Routes | None) -> Templates:
    return Templates.of(settings, routes.source if routes else None)


def facts_of(route: Route) -> RouteFacts:
    """Return the facts about a route that the console shows."""
    return {
        "name": route.name,
        "table": route.table,
        "on": sorted(route.on),
        "channel": route.channel,
        "exclusive": route.exclusive,
        "match": pattern_in_words(route.match),
        "match_old": pattern_in_words(route.match_old),
        "options": options_of(route),
        "where": shortened(route.where),
    }


def verdicts(routes: Routes, claims: Sequence[Route], event: Event) -> list[RouteVerdict]:
    """Return for each route whether it is one of those that claim the event, and otherwise why not."""
    found: list[RouteVerdict] = []
    owner = owner_of(claims)
    for each in routes:
        claimed = any(each is other for other in claims)
        reasons = [] if claimed else why_not(each, event)
        if not claimed and not reasons:
            reasons = [f"it matches too, but {owner.name} comes first" if owner else "another one cannot be matched"]
        found.append({"name": each.name, "exclusive": each.exclusive, "claims": claimed, "reasons": reasons})
    return found


def options_of(route: Route) -> dict[str, str]:
    """Return the options that differ from their defaults, as a person reads them."""
    found: dict[str, str] = {}
    for each in fields(Route):
        value = getattr(route, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if each.name not in _NO_OPTIONS and value != default:
            found[each.name] = _option(value)
    if "wanted_updates" in found:
        found["status_updates"] = ", ".join(names_of(int(found.pop("wanted_updates")))) or "none"
    if route.fallback:
        found["fallback"] = ", ".join(route.fallback)
    if route.shadow_until_ms:
        del found["shadow_until_ms"]
        found["shadow_until"] = f"{datetime.fromtimestamp(route.shadow_until_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return found


def _option(value: Any) -> str:
    if is_dataclass(value) and type(value).__str__ is object.__str__:
        pairs = [(each.name, getattr(value, each.name), each.default) for each in fields(value)]
        return ", ".join(f"{name}={mine}" for name, mine, default in pairs if mine != default)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return duration_in_words(value) if isinstance(value, float) else str(value)


def shortened(where: str) -> str:
    """Return a place in the code relative to the current folder, if it is within it."""
    file, _, line = where.rpartition(":")
    path = Path(file)
    return f"{path.relative_to(Path.cwd())}:{line}" if path.is_relative_to(Path.cwd()) else where
