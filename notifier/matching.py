"""Declarative matching: which events a route owns. Compiled once, when the routes are loaded."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from notifier.errors import RoutesError
from notifier.events import EVENT_NAMES, Event

Predicate = Callable[[Event], bool]
Pattern = Mapping[str, Sequence[Any]]


def compile_match(table: str, names: Sequence[str], match: Pattern) -> Predicate:
    """A predicate for events of that table, with one of those names, whose item matches.

    `match` maps an attribute to the values it may have; all attributes must match. The item is the new image,
    or the old one where there is no new one. Raises RoutesError for a pattern that could never match.
    """
    if unknown := set(names) - EVENT_NAMES:
        raise RoutesError(f"on={sorted(unknown)} is not one of INSERT, MODIFY, REMOVE")
    allowed_names = frozenset(names)
    wanted = [(attribute, _values(attribute, values)) for attribute, values in match.items()]

    def matches(event: Event) -> bool:
        if event.table != table or event.name not in allowed_names:
            return False
        item = event.new if event.new is not None else event.old
        return all(_has(item, attribute, values) for attribute, values in wanted)

    return matches


def _values(attribute: str, values: object) -> tuple[Any, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Sequence) or not values:
        raise RoutesError(f"match[{attribute!r}] must be a list of values, not {values!r}")
    return tuple(values)


def _has(item: Mapping[str, Any] | None, attribute: str, values: tuple[Any, ...]) -> bool:
    if item is None or attribute not in item:
        return False
    value = item[attribute]
    return any(type(value) is type(each) and value == each for each in values)
