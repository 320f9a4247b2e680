"""The text of a value that a template prints. One rule for `{{ }}`, `~`, filters and formats.

Text and numbers are printed, numbers in plain notation: Python writes 0.00000001 as 1E-8. A value of which Python has
only a description for programmers (a method, None, a list of objects) raises NotPrintable.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any
from uuid import UUID

import jinja2
import markupsafe
from markupsafe import Markup, escape

_AS_THEY_ARE = frozenset((str, Markup, int, bool, date, datetime, time, timedelta, UUID))
_ENUM_TEXT = (Enum.__str__, Flag.__str__)
_PLAIN_CONTAINERS = frozenset((dict, list, tuple))
_CONTAINERS = (Mapping, list, tuple, set, frozenset)
_NUMBERS = (Decimal, float)
_LARGEST_EXPONENT = 1000
"""Numbers with more digits keep their exponent: those of DynamoDB have at most 130."""


class NotPrintable(jinja2.TemplateRuntimeError):
    """A template prints a value that has no text for people."""


class Plain(Decimal):
    """A number that `str`, `%s` and `format` write in plain notation, without an exponent."""

    def __str__(self) -> str:
        return plain(self)


def printable(value: object) -> object:
    """Return a value whose `str` is the text to print. Raise NotPrintable, or UndefinedError for a missing value."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if isinstance(value, _NUMBERS):
        return plain(value)
    if isinstance(value, jinja2.Undefined):
        return _of_undefined(value)
    if isinstance(value, Enum) and kind.__str__ in _ENUM_TEXT:  # Python's text would be Color.RED
        return printable(value.value)
    if not _has_text(value):
        raise NotPrintable(_reason(value))
    return value


def as_text(value: object) -> str:
    """Return what `{{ value }}` prints in a text. Raise as `printable` does."""
    return value if type(value) is str else str(printable(value))


def as_html(value: object) -> str:
    """Return what `{{ value }}` prints in HTML: the same, escaped. Raise as `printable` does.

    `escape` makes a Markup of each value, which takes several times as long as to escape a name.
    """
    kind = type(value)
    if kind is str:
        return escaped(value)  # type: ignore[arg-type]
    if kind is Markup:
        return value  # type: ignore[return-value]
    if kind is int:
        return str(value)
    return str(escape(printable(value)))


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("'", "&#39;").replace('"', "&#34;")


escaped: Callable[[str], str] = getattr(markupsafe, "_escape_inner", _escaped)
"""MarkupSafe's own function for text, which it has since its version 3."""


def formattable(value: object) -> Any:
    """Return an argument of `%` and `format` as it is printed. A number stays a number, for `%.2f`."""
    if isinstance(value, _NUMBERS):
        return Plain(value) if isinstance(value, Decimal) else Plain(repr(value))
    return printable(value)


def format_arguments(given: object) -> Any:
    """Return the right side of `%` as it is printed: one value, a tuple of values, or values by name."""
    if isinstance(given, tuple):
        return tuple(map(formattable, given))
    return _Named(given) if isinstance(given, Mapping) else formattable(given)


def formatted(value: object, specification: str) -> str:
    """Return the text of one field of `"{:>10}".format(value)`."""
    if not isinstance(value, _NUMBERS):
        return format(printable(value), specification)
    if not specification or not _is_plain(value):
        return plain(value) if not specification else format(value, specification)
    if specification[-1].isalpha() or specification[-1] == "%" or "." in specification:
        return format(value, specification)
    return format(_decimal(value), specification + "f")


def plain(number: Decimal | float) -> str:
    """Return the number without an exponent: 0.00000001, 300000."""
    if not _is_plain(number):
        return Decimal.__str__(number) if isinstance(number, Decimal) else repr(float(number))
    text = Decimal.__str__(number) if isinstance(number, Decimal) else repr(float(number))
    return format(Decimal(text), "f") if "E" in text or "e" in text else text


def _is_plain(number: Decimal | float) -> bool:
    """Return whether it can be written without an exponent: it is finite and has no thousands of digits."""
    if isinstance(number, Decimal):
        return number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT
    return abs(number) != float("inf") and number == number  # noqa: PLR0124  nan is not equal to itself


def _decimal(number: Decimal | float) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(float(number)))


class _Named:
    """The values of `"%(name)s" % values`. Only those that the text names are converted."""

    def __init__(self, values: Mapping[Any, object]) -> None:
        self._values = values

    def __getitem__(self, name: object) -> object:
        return formattable(self._values[name])


def _has_text(value: Any) -> bool:
    kind = type(value)
    if isinstance(value, str | int) or hasattr(value, "__html__"):
        return True
    if kind in _PLAIN_CONTAINERS:
        return _holds_text(value)
    return not (
        getattr(kind, "__str__", None) is object.__str__ or callable(value) or isinstance(value, bytes | bytearray)
    )


def _holds_text(value: Any) -> bool:
    """Return whether it contains only text and integers, for which people understand what Python writes."""
    kind = type(value)
    if kind is dict:
        return all(map(_holds_text, value)) and all(map(_holds_text, value.values()))
    return all(map(_holds_text, value)) if kind in _PLAIN_CONTAINERS else kind in (str, int)


def _of_undefined(value: jinja2.Undefined) -> object:
    """Return "" for the value of an inline `if` without `else`. Raise UndefinedError for any other missing value."""
    if type(value) is jinja2.Undefined:
        return ""
    return value._fail_with_undefined_error()  # noqa: SLF001  the only way to Jinja's own message


def _reason(value: object) -> str:
    kind = type(value).__name__
    if value is None:
        return "None is printed: give it a default, as in {{ value or '' }}, or leave it out with {% if %}"
    if callable(value):
        name = getattr(value, "__qualname__", kind)
        return f"{name} is printed without being called: it is a function, a method or a class; call it with ()"
    if isinstance(value, _CONTAINERS):
        return f"a whole {kind} is printed, as Python writes it: print one of its values, or loop over it"
    return f"an object of the type {kind} is printed, which has no text of its own: print one of its values"
