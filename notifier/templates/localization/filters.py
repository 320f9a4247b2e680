"""Filters that write dates, numbers and amounts of money in the message's locale. They need the package `babel`."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from jinja2.runtime import Context
from jinja2.utils import pass_context

from notifier.templates.localization.locale import babel_locale


@pass_context
def _date(_: Context, value: object, format: str = "medium", zone: str = "UTC") -> str:  # noqa: A002
    """Filter of `{{ order.at | date("long") }}`: short, medium, long, full, or a pattern as `d MMMM`."""
    locale = babel_locale()
    from babel.dates import format_date

    return str(format_date(_day_of(value, zone), format, locale))


@pass_context
def _datetime(_: Context, value: object, format: str = "medium", zone: str = "UTC") -> str:  # noqa: A002
    """Filter of `{{ order.at | datetime("short", zone="Europe/Lisbon") }}`."""
    locale = babel_locale()
    from babel.dates import format_datetime

    return str(format_datetime(_time_of(value), format, _zone(zone), locale))


@pass_context
def _number(_: Context, value: object, digits: int | None = None) -> str:
    """Filter of `{{ views | number }}`; `digits` is how many stand behind the point, otherwise those of the value."""
    locale = babel_locale()
    from babel.numbers import format_decimal

    number = _decimal_of(value)
    if digits is not None:
        return str(format_decimal(number, f"#,##0.{'0' * digits}" if digits else "#,##0", locale))
    return str(format_decimal(number, locale=locale, decimal_quantization=False))


@pass_context
def _currency(_: Context, value: object, currency: str) -> str:
    """Filter of `{{ order.total | currency("EUR") }}`."""
    locale = babel_locale()
    from babel.numbers import format_currency

    return str(format_currency(_decimal_of(value), currency, locale=locale))


def _day_of(value: object, zone: str) -> date:
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        value = _parsed(date.fromisoformat, value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return _time_of(value).astimezone(_zone(zone)).date()


def _time_of(value: object) -> datetime:
    """Return a time: of a datetime, a text in ISO 8601, or seconds since 1970. One without a zone is of UTC."""
    if isinstance(value, str):
        value = _parsed(datetime.fromisoformat, value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = _parsed(lambda seconds: datetime.fromtimestamp(float(seconds), UTC), value)
    if not isinstance(value, datetime):
        raise jinja2.TemplateRuntimeError(f"a {type(value).__name__} is no date: give a text as 2026-01-31T12:00:00Z")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _parsed(parse: Callable[[Any], date], value: object) -> date:
    try:
        return parse(value)
    except (ValueError, OverflowError, OSError):
        raise jinja2.TemplateRuntimeError("the value is no date: give a text as 2026-01-31T12:00:00Z") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise jinja2.TemplateRuntimeError(f"{name!r} is no time zone: give one as Europe/Lisbon") from None


def _decimal_of(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise jinja2.TemplateRuntimeError(f"a {type(value).__name__} is no number")
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise jinja2.TemplateRuntimeError("the text is no number") from None


LOCALE_FILTERS: Mapping[str, Callable[..., str]] = {
    "currency": _currency,
    "date": _date,
    "datetime": _datetime,
    "number": _number,
}
