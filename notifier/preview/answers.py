"""The questions that a preview's process answers. Each is a function of the fields of the question."""

from collections.abc import Callable, Mapping
from typing import Any

from notifier.errors import UsageError
from notifier.preview.event import event_of
from notifier.preview.routing import Routing
from notifier.preview.templating import overview_of, rendered


def routes() -> dict[str, Any]:
    """Return the routes in their order."""
    return {"routes": Routing().facts()}


def event(*, item: str, table: str, name: str, old: str = "") -> dict[str, Any]:
    """Return what becomes of a pasted event: see `Routing.try_event`."""
    asked = event_of(item, table=table, name=name, old=old)
    return {**Routing().try_event(asked), "table": asked.table, "event": asked.name}


def record(*, route: str, table: str, record: str) -> dict[str, Any]:
    """Return the message that a route makes now of a stored record. `record` is its JSON."""
    return {"message": Routing().rebuild(route, table, record.encode("utf-8", "surrogateescape"))}


def templates() -> dict[str, Any]:
    """Return all templates."""
    return dict(overview_of(Routing.templates_only()))


def template(*, template: str, context: str, locale: str = "") -> dict[str, Any]:
    """Return the messages of one template with the values in `context`."""
    return {"messages": rendered(Routing.templates_only(), template, context, locale or None)}


_QUESTIONS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "event": event,
    "record": record,
    "routes": routes,
    "template": template,
    "templates": templates,
}


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a question: its `ask` is the name of a function above, the rest its arguments.

    Raise NotifierError for what the person can correct.
    """
    arguments = dict(question)
    asked = _QUESTIONS.get(arguments.pop("ask", ""))
    if asked is None:
        raise UsageError("there is no such question")
    return asked(**arguments)
