"""Conditions on one value of an item: the elements of the lists in a pattern."""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from notifier.errors import RoutesError

Check = Callable[[Any], bool]

ABSENT = object()
"""Stands for an attribute that the item does not have."""

_SCALARS = (str, int, Decimal, bool, bytes, type(None))
_MANY = (list, frozenset)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def one_of(conditions: object, where: str) -> Check:
    """Return a function that returns whether a value meets one of the conditions. `where` names them in errors.

    Raises RoutesError for a condition that is wrong or can never match.
    """
    if not isinstance(conditions, list | tuple) or not conditions:
        raise RoutesError(f"{where} must be a list of values or conditions, not {conditions!r}")
    values = [each for each in conditions if not isinstance(each, Mapping)]
    equal = _equal_to(values, where)
    checks = [_condition(each, where) for each in conditions if isinstance(each, Mapping)]
    if not checks:
        return equal
    return lambda value: equal(value) or any(check(value) for check in checks)


def _equal_to(values: Sequence[object], where: str) -> Check:
    """Return a check for equality with one of the values. True is not 1, as in DynamoDB and unlike in Python."""
    wanted = frozenset((isinstance(each, bool), _scalar(each, where)) for each in values)
    texts = frozenset(each for _, each in wanted if isinstance(each, str))

    def check(value: Any) -> bool:
        if type(value) is str:  # as most values that are compared
            return value in texts
        if isinstance(value, _MANY):
            return any(check(each) for each in value)
        return isinstance(value, _SCALARS) and (isinstance(value, bool), value) in wanted

    return check


def _scalar(value: object, where: str) -> object:
    if isinstance(value, float | Decimal):
        return _number(value, where)
    if isinstance(value, _SCALARS):
        return value
    raise RoutesError(f"{where} compares with {value!r}: only text, numbers, bool, bytes and None can be equal")


def _condition(condition: Mapping[Any, Any], where: str) -> Check:
    if len(condition) != 1:
        raise RoutesError(f"{where} has {dict(condition)!r}: a condition has one name")
    ((name, argument),) = condition.items()
    try:
        make = _CONDITIONS[name]
    except (KeyError, TypeError):
        raise RoutesError(f"{where} has {name!r}; there are {', '.join(sorted(_CONDITIONS))}") from None
    return make(argument, f"{where}: {name}")


def _exists(argument: object, where: str) -> Check:
    if not isinstance(argument, bool):
        raise RoutesError(f"{where} needs True or False, not {argument!r}")
    return lambda value: (value is not ABSENT) is argument


def _anything_but(argument: object, where: str) -> Check:
    """Return a check for all other values. Absent attributes do not match, as in EventBridge."""
    if isinstance(argument, Mapping):
        refused = _condition(argument, where)
    else:
        refused = _equal_to(argument if isinstance(argument, list | tuple) else [argument], where)
    return lambda value: value is not ABSENT and not refused(value)


def _numeric(argument: object, where: str) -> Check:
    if not isinstance(argument, list | tuple) or len(argument) not in (2, 4):
        raise RoutesError(f"{where} needs one or two comparisons, as ['>', 0, '<=', 5], not {argument!r}")
    names = [str(name) for name in argument[::2]]
    pairs = [_comparison(name, bound, where) for name, bound in zip(names, argument[1::2], strict=True)]
    if _is_empty([(name, bound) for name, (_, bound) in zip(names, pairs, strict=True)]):
        raise RoutesError(f"{where} {argument!r} can never match: no number meets it")

    def check(value: Any) -> bool:
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return is_number and all(compare(value, bound) for compare, bound in pairs)

    return _any_element(check)


def _comparison(name: object, bound: object, where: str) -> tuple[Callable[[Any, Any], bool], Decimal]:
    compare = _COMPARISONS.get(str(name))
    if compare is None or isinstance(bound, bool) or not isinstance(bound, int | float | Decimal):
        raise RoutesError(f"{where} cannot compare by {name!r} with {bound!r}")
    return compare, _number(bound, where)


def _is_empty(comparisons: Sequence[tuple[str, Decimal]]) -> bool:
    """Return whether no finite number meets all comparisons."""
    above = max((bound for name, bound in comparisons if name in (">", ">=", "=")), default=Decimal("-Infinity"))
    below = min((bound for name, bound in comparisons if name in ("<", "<=", "=")), default=Decimal("Infinity"))
    at_the_bound = any(bound == above and name in ("<", ">") for name, bound in comparisons)
    return above > below or (above == below and (at_the_bound or above.is_infinite()))


def _number(value: float | Decimal, where: str) -> Decimal:
    """Return the number as a Decimal with the digits of its text.

    Raise RoutesError for NaN: it equals nothing, and comparing it raises.
    """
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if number.is_nan():
        raise RoutesError(f"{where} compares with {value!r}, which is no number")
    return number


def _text(test: Callable[[str, str], bool]) -> Callable[[object, str], Check]:
    def make(argument: object, where: str) -> Check:
        if not isinstance(argument, str) or not argument:
            raise RoutesError(f"{where} needs text, not {argument!r}")
        return _any_element(lambda value: isinstance(value, str) and test(value, argument))

    return make


def _wildcard(argument: object, where: str) -> Check:
    if not isinstance(argument, str) or not argument:
        raise RoutesError(f"{where} needs text, not {argument!r}")
    if "*" not in argument:
        return _any_element(lambda value: isinstance(value, str) and value == argument)
    first, *between, last = argument.split("*")
    return _any_element(lambda value: isinstance(value, str) and _holds(value, first, between, last))


def _holds(text: str, first: str, between: Sequence[str], last: str) -> bool:
    """Return whether the text has the pieces in order. Takes linear time, unlike a regular expression with `.*`."""
    place, end = len(first), len(text) - len(last)
    if place > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for piece in between:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def _any_element(check: Check) -> Check:
    return lambda value: any(map(check, value)) if isinstance(value, _MANY) else check(value)


_CONDITIONS: dict[str, Callable[[Any, str], Check]] = {
    "anything-but": _anything_but,
    "equals-ignore-case": _text(lambda value, wanted: value.casefold() == wanted.casefold()),
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "wildcard": _wildcard,
}
