"""Patterns: which events a route matches. The syntax is that of the filters of EventBridge and Lambda.

A pattern maps attributes to lists of conditions; one condition of each list must hold:

    {"type": ["friend_request", "follow"]}            equal to one of these (text, number, bool, None)
    {"name": [{"prefix": "A"}, {"suffix": "z"}]}      also {"equals-ignore-case": "ana"}, {"wildcard": "a*z"}
    {"age": [{"numeric": [">=", 18, "<", 65]}]}
    {"kind": [{"anything-but": ["draft", "spam"]}]}   also {"anything-but": {"prefix": "test-"}}
    {"muted": [{"exists": False}]}
    {"address": {"city": ["Lisbon"]}}                 a map: its attributes
    {"$or": [{"a": [1]}, {"b": [2]}]}                 one of these patterns

A list or set in the item matches if one of its elements does. Patterns are compiled once, when the routes are loaded;
one that can never match raises RoutesError then.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from notifier.errors import RoutesError
from notifier.events import Event
from notifier.routes.conditions import ABSENT, Check, one_of

Pattern = Mapping[str, Any]
Predicate = Callable[[Event], bool]
Item = Mapping[str, Any] | None


def compile_match(table: str, names: Sequence[str], match: Pattern, match_old: Pattern) -> Predicate:
    """Return a function that returns whether an event has this table, one of these names, and images that match.

    `match` is for the new image, or the old one if there is no new one; `match_old` is for the old one. Raises
    RoutesError for a pattern that is wrong or can never match.
    """
    allowed = frozenset(names)
    now, before = compile_pattern(match, "match"), compile_pattern(match_old, "match_old")
    if match_old and allowed == {"INSERT"} and not before(None):
        raise RoutesError("match_old can never match: there is no item before an INSERT; on= needs MODIFY or REMOVE")

    def matches(event: Event) -> bool:
        return (
            event.table == table
            and event.name in allowed
            and now(event.new if event.new is not None else event.old)
            and (not match_old or before(event.old))
        )

    return matches


def compile_pattern(pattern: object, where: str) -> Check:
    """Return a check of whether an item, or a map in one, matches. `where` names the pattern in errors."""
    if not isinstance(pattern, Mapping):
        raise RoutesError(f"{where} must be a mapping of attributes to lists, not {pattern!r}")
    checks = [_attribute(name, conditions, where) for name, conditions in pattern.items()]

    def matches(item: Item) -> bool:
        found = item if isinstance(item, (dict, Mapping)) else {}  # dict first: Mapping's own check is slow
        for check in checks:  # noqa: SIM110  a generator costs more, and this runs for each route of each event
            if not check(found):
                return False
        return True

    return matches


def _attribute(name: object, conditions: object, where: str) -> Check:
    if not isinstance(name, str):
        raise RoutesError(f"{where} has {name!r} as an attribute, which is not text")
    where = f"{where}[{name!r}]"
    if name == "$or":
        return _either(conditions, where)
    if isinstance(conditions, Mapping):
        inner = compile_pattern(conditions, where)
        return lambda item: inner(item.get(name))
    check = one_of(conditions, where)
    return lambda item: check(item.get(name, ABSENT))


def _either(patterns: object, where: str) -> Check:
    if not isinstance(patterns, list | tuple) or not patterns:
        raise RoutesError(f"{where} must be a list of patterns")
    checks = [compile_pattern(each, f"{where}[{number}]") for number, each in enumerate(patterns)]
    return lambda item: any(check(item) for check in checks)
