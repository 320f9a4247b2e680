"""Why a route does not match an event, in words. Pure; slower than matching, and asked by people only."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.events import Event
from notifier.routes.conditions import ABSENT
from notifier.routes.matching import compile_pattern
from notifier.routes.route import Route
from notifier.routes.routes import with_keys
from notifier.routes.views import missing
from notifier.routes.wording import conditions_in_words, pattern_in_words, value_in_words


def why_not(route: Route, event: Event) -> list[str]:
    """Return why the route does not match the event, one line for each reason; empty if it matches."""
    if reasons := [*_of_kind(route, event)]:
        return reasons
    whole = with_keys(event)
    if route.matches(whole):
        return []
    item = whole.new if whole.new is not None else whole.old
    reasons = [*_differences(route.match, item, ""), *_differences(route.match_old, whole.old, "before the change, ")]
    return reasons or ["its pattern does not match"]


def _of_kind(route: Route, event: Event) -> Iterator[str]:
    if route.table != event.table:
        yield f"it is for the table {route.table}"
    if event.name not in route.on:
        yield f"it is for {' and '.join(sorted(route.on))}, not for {event.name}"
    elif lacking := missing(route, event.name, new=event.new is not None, old=event.old is not None, keys=event.keys):
        yield f"it reads {', '.join(sorted(lacking))}, which this event does not carry"


def _differences(pattern: Mapping[str, Any], item: object, where: str) -> Iterator[str]:
    """Yield a line for each attribute of the pattern that the item does not meet."""
    found = item if isinstance(item, Mapping) else {}
    for name, conditions in pattern.items():
        if compile_pattern({name: conditions}, "match")(found):
            continue
        if name == "$or":
            alternatives = " nor ".join(f"({', '.join(pattern_in_words(each))})" for each in conditions)
            yield f"{where}neither {alternatives} holds"
        elif isinstance(conditions, Mapping):
            yield from _differences(conditions, found.get(name), f"{where}{name}: ")
        else:
            value = value_in_words(found.get(name, ABSENT))
            yield f"{where}{name} is {value}; wanted: {name} {conditions_in_words(conditions)}"
