"""Jinja's filters that turn a value into text, with values printed as `{{ }}` does."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context

from notifier.templates.printing import format_arguments, printable

Filter = Callable[..., Any]

_OF_TEXT = (
    *("capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "safe", "string"),
    *("striptags", "title", "trim", "truncate", "upper", "urlize", "wordcount", "wordwrap"),
)


def _printing(made: Filter) -> Filter:
    """Return the filter, with its value and its arguments printed as `{{ }}` does before it gets them."""
    before = 1 if hasattr(made, "jinja_pass_arg") else 0  # the environment, for example

    @wraps(made)
    def printing(*args: Any, **kwargs: Any) -> Any:
        value, *rest = args[before:]
        given = {name: _argument(each) for name, each in kwargs.items()}
        return made(*args[:before], _text(value), *map(_argument, rest), **given)

    return printing


def _text(value: object) -> object:
    shown = printable(value)
    return shown if isinstance(shown, str) or hasattr(shown, "__html__") else str(shown)


def _argument(given: object) -> object:
    """Return the argument as it is printed. None stays: it selects the default of a filter."""
    return None if given is None else printable(given)


def _format(value: object, *args: Any, **kwargs: Any) -> Any:
    """Filter of `{{ "%s EUR" | format(amount) }}`."""
    given = {name: format_arguments((each,))[0] for name, each in kwargs.items()}
    return DEFAULT_FILTERS["format"](printable(value), *format_arguments(args), **given)


@pass_eval_context
def _join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Filter of `{{ prices | join(", ") }}`."""
    if attribute is not None:
        value = map(make_attrgetter(context.environment, attribute), value)
    joined: str = DEFAULT_FILTERS["join"](context, map(printable, value), printable(d))
    return joined


def _urlencode(value: Any) -> str:
    """Filter of `{{ {"page": page} | urlencode }}`."""
    encode = DEFAULT_FILTERS["urlencode"]
    if isinstance(value, str):
        return str(encode(value))
    if isinstance(value, Mapping):
        return str(encode([(printable(name), printable(each)) for name, each in value.items()]))
    if isinstance(value, list | tuple):
        return str(encode([(printable(name), printable(each)) for name, each in value]))
    return str(encode(printable(value)))


@pass_eval_context
def _xmlattr(context: EvalContext, d: Mapping[str, Any], autospace: bool = True) -> str:
    """Filter of `<p{{ {"title": amount} | xmlattr }}>`. Leaves out attributes that are None."""
    shown = {name: each if each is None else printable(each) for name, each in d.items()}
    made: str = DEFAULT_FILTERS["xmlattr"](context, shown, autospace)
    return made


TEXT_FILTERS: Mapping[str, Filter] = {
    **{name: _printing(DEFAULT_FILTERS[name]) for name in _OF_TEXT},
    "format": _format,
    "join": _join,
    "urlencode": _urlencode,
    "xmlattr": _xmlattr,
}
