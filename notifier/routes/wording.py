"""Patterns and durations in words, for people who look at a route. Pure; matching uses none of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from notifier.routes.conditions import ABSENT
from notifier.text import one_line

_LONGEST = 80
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_TEXTS: Mapping[str, str] = {
    "prefix": "begins with",
    "suffix": "ends with",
    "equals-ignore-case": "is, in any case,",
    "wildcard": "has the form",
}


def pattern_in_words(pattern: Mapping[str, Any], under: str = "") -> list[str]:
    """Return one line for each attribute of a pattern, as `age >= 18 and < 65`. All of them must hold."""
    lines: list[str] = []
    for name, conditions in pattern.items():
        if name == "$or":
            lines.append(" or ".join(f"({', '.join(pattern_in_words(each, under))})" for each in conditions))
        elif isinstance(conditions, Mapping):
            lines += pattern_in_words(conditions, f"{under}{name}.")
        else:
            lines.append(f"{under}{name} {conditions_in_words(conditions)}")
    return lines


def conditions_in_words(conditions: Any) -> str:
    """Return what one value must meet: one of these conditions."""
    values = [value_in_words(each) for each in conditions if not isinstance(each, Mapping)]
    said = [f"is {' or '.join(values)}"] if values else []
    said += [_condition(*next(iter(each.items()))) for each in conditions if isinstance(each, Mapping)]
    return ", or ".join(said)


def value_in_words(value: object) -> str:
    """Return a value of an item as one short line."""
    if value is ABSENT:
        return "absent"
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, frozenset):
        value = sorted(value, key=str)
    if isinstance(value, Mapping):
        text = f"a map with {', '.join(map(str, value)) or 'nothing'}"
    elif isinstance(value, list):
        text = f"a list of {', '.join(map(value_in_words, value)) or 'nothing'}"
    elif isinstance(value, bytes):
        text = f"{len(value)} bytes"
    elif isinstance(value, int | Decimal | float):
        text = str(value)
    else:
        text = f"“{value}”"
    text = one_line(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _condition(name: str, argument: Any) -> str:
    if name in _TEXTS:
        return f"{_TEXTS[name]} {value_in_words(argument)}"
    if name == "numeric":
        return " and ".join(f"{sign} {bound}" for sign, bound in zip(argument[::2], argument[1::2], strict=True))
    if name == "exists":
        return "is present" if argument else "is absent"
    if isinstance(argument, Mapping):  # anything-but
        return f"is present, and not one that {_condition(*next(iter(argument.items())))}"
    refused = argument if isinstance(argument, list | tuple) else [argument]
    return f"is present, and not {' nor '.join(map(value_in_words, refused))}"


def duration_in_words(seconds: float) -> str:
    """Return a duration as `6 hours` if it is whole days, hours or minutes, else in seconds, as `2.5 s`."""
    for size, name in _UNITS:
        if seconds >= size and seconds % size == 0:
            number = int(seconds // size)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{seconds:g} s"
