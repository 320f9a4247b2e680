"""What pages ask of the processes that run the user's routes and templates."""

from collections.abc import Mapping
from typing import Any

from notifier.preview.child import ask
from notifier.preview.colours import coloured
from web.console.visit import Visit

_ABSENT = {"to": "", "sender": "", "text": "", "more": {}, "where": "", "frame": ""}


def question(visit: Visit, name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the answer of a new process to a question of `notifier.preview.answers`. Raise PreviewFailed."""
    settings = visit.settings
    environment = {"NOTIFIER_ROUTES": settings.routes, "NOTIFIER_TEMPLATES": settings.templates}
    return ask({"ask": name, **arguments}, {name: value for name, value in environment.items() if value})


def framed(visit: Visit, message: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the message with `frame` and `dark`, the addresses of its HTML, for an `<iframe sandbox>`."""
    if message is None:
        return None
    html = message.get("html")
    if not html:
        return {**_ABSENT, **message}
    keep = visit.session.frames.put
    frames = {"frame": f"/frames/{keep(coloured(html, 'light'))}", "dark": f"/frames/{keep(coloured(html, 'dark'))}"}
    return {**_ABSENT, **message, **frames}
