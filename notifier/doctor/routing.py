"""The routes of the set-up, loaded once, and what they need."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from notifier.doctor.setup import Setup
from notifier.errors import NotifierError
from notifier.routes import Routes
from notifier.routes.loading import load_routes

_SENDS_TO_EMAIL = "email"


def routes(setup: Setup) -> Routes:
    """Return the routes. Raise RoutesError if they cannot be loaded."""
    return load_routes(setup.settings.routes)


def channels(setup: Setup) -> frozenset[str]:
    """Return the channels of the routes; none if these cannot be loaded."""
    try:
        return frozenset(route.channel for route in setup.get(routes))
    except NotifierError:
        return frozenset()


def need_routes(setup: Setup) -> Routes:
    """Return the routes. Raise CheckEnded if they cannot be loaded: the check `routes` says why."""
    return setup.need(routes, "routes that can be loaded")


def need_channels(setup: Setup) -> frozenset[str]:
    """Return the channels of the routes; none if these cannot be loaded. Raise CheckEnded while they hang."""
    return setup.need(channels, "routes that can be loaded")


def sends_email(setup: Setup) -> bool:
    """Return whether a route sends email. Without routes that can be loaded: whether there is a sender."""
    found = need_channels(setup)
    return _SENDS_TO_EMAIL in found if found else bool(setup.settings.sender)


def senders(found: Routes) -> tuple[set[str], list[str]]:
    """Return the senders that email routes name as text, and the names of routes that compute theirs.

    They are read from the source of the routes' functions: `Email(sender="...")`. A sender that another function
    adds is not seen.
    """
    named: set[str] = set()
    computed: list[str] = []
    for route in found:
        if route.channel == _SENDS_TO_EMAIL:
            values = [_value(node, route.build) for node in _given(route.build)]
            named.update(value for value in values if value)
            computed += [route.name] if None in values else []
    return named, computed


def _given(build: Any) -> Iterator[ast.expr]:
    """Yield the values of `sender=` in calls within the function; none if its source cannot be read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(build)))
    except (OSError, SyntaxError, TypeError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (each.value for each in node.keywords if each.arg == "sender")


def _value(node: ast.expr, build: Any) -> str | None:
    """Return the text of a constant, also of one that the module names; empty for None, None if it is computed."""
    if isinstance(node, ast.Name):
        found = getattr(build, "__globals__", {}).get(node.id)
        return found if isinstance(found, str) else None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return None
