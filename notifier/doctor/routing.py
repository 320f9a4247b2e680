"""The routes of the set-up, loaded once, and what they need."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from notifier.doctor.setup import Setup
from notifier.errors import NotifierError
from notifier.routes import Routes
from notifier.routes.loading import load_routes

_SENDS_TO_EMAIL = "email"
_OF_AN_IDENTITY = ("sender", "configuration_set", "tenant")


def routes(setup: Setup) -> Routes:
    """Return the routes. Raise RoutesError if they cannot be loaded."""
    return load_routes(setup.settings.routes)


def channels(setup: Setup) -> frozenset[str]:
    """Return the channels of the routes; none if these cannot be loaded."""
    try:
        return frozenset(channel for route in setup.get(routes) for channel in route.channels)
    except NotifierError:
        return frozenset()


def need_routes(setup: Setup) -> Routes:
    """Return the routes. Raise CheckEnded if they cannot be loaded: the check `routes` says why."""
    return setup.need(routes, "routes that can be loaded")


def need_channels(setup: Setup) -> frozenset[str]:
    """Return the channels of the routes; none if these cannot be loaded. Raise CheckEnded while they hang."""
    return setup.need(channels, "routes that can be loaded")


def queues(setup: Setup) -> frozenset[str]:
    """Return the queues of the routes, one for each channel and lane; none if these cannot be loaded."""
    try:
        return setup.get(routes).queues
    except NotifierError:
        return frozenset()


def need_queues(setup: Setup) -> frozenset[str]:
    """Return the queues of the routes; none if these cannot be loaded. Raise CheckEnded while they hang."""
    return setup.need(queues, "routes that can be loaded")


def sends_email(setup: Setup) -> bool:
    """Return whether a route sends email. Without routes that can be loaded: whether there is a sender."""
    found = need_channels(setup)
    return _SENDS_TO_EMAIL in found if found else bool(setup.settings.sender)


def named(found: Routes, field: str) -> tuple[set[str], list[str]]:
    """Return what email routes give as `field` of an `Email`, as text, and the names of routes that compute it.

    It is read from their `identity`, and from the source of their functions: `Email(sender="...")`. What another
    function adds is not seen.
    """
    values: set[str] = set()
    computed: list[str] = []
    for route in found:
        if _SENDS_TO_EMAIL in route.channels:
            given = [_value(node, route.build) for node in _given(route.build, field)]
            given.append(getattr(route.identity, field, None) or "")
            values.update(value for value in given if value)
            computed += [route.name] if None in given else []
    return values, computed


def mails(found: Routes) -> Iterator[tuple[str, Mapping[str, str | None]]]:
    """Yield for each `Email(...)` of an email route the route's name, and the `sender`, `configuration_set` and
    `tenant` of the mail by its source and the route's `identity`: empty where neither gives one, None if it is
    computed.
    """
    for route in found:
        if _SENDS_TO_EMAIL in route.channels:
            own = {field: getattr(route.identity, field, None) or "" for field in _OF_AN_IDENTITY}
            for given in _emails(route.build) or [{}]:
                yield route.name, {field: own[field] if given.get(field) == "" else given.get(field, own[field])
                                   for field in own}  # fmt: skip


def _emails(build: Any) -> list[dict[str, str | None]]:
    """Return what each `Email(...)` within the function gives of an identity; of one with `**` nothing is known."""
    found = []
    for call in _calls(build):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name == "Email":
            unpacked = any(each.arg is None for each in call.keywords)
            given: dict[str, str | None] = dict.fromkeys(_OF_AN_IDENTITY) if unpacked else {}
            found.append(
                given | {each.arg: _value(each.value, build) for each in call.keywords if each.arg in _OF_AN_IDENTITY}
            )
    return found


def _given(build: Any, field: str) -> Iterator[ast.expr]:
    """Yield the values of that argument in calls within the function; none if its source cannot be read."""
    for call in _calls(build):
        yield from (each.value for each in call.keywords if each.arg == field)


def _calls(build: Any) -> Iterator[ast.Call]:
    """Yield the calls within the function; none if its source cannot be read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(build)))
    except (OSError, SyntaxError, TypeError):
        return
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _value(node: ast.expr, build: Any) -> str | None:
    """Return the text of a constant, also of one that the module names; empty for None, None if it is computed."""
    if isinstance(node, ast.Name):
        found = getattr(build, "__globals__", {}).get(node.id)
        return found if isinstance(found, str) else None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return None
