"""The locale of the message that is being rendered."""

from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import jinja2

from notifier.templates.files import fallbacks

LOCALE: ContextVar[str | None] = ContextVar("locale", default=None)
"""Set by each rendering. A macro of an imported file does not see the values of the message, but it sees this."""
_DEFAULT = "en"


def babel_locale() -> Any:
    """Return Babel's locale for the message: the nearest that it knows, English if none or if the message has none.

    Raise TemplateRuntimeError if Babel is not installed.
    """
    try:
        return _found(LOCALE.get())
    except ImportError:
        raise jinja2.TemplateRuntimeError(
            "this filter needs the package babel: pip install 'dynamodb-notifier[templates]'"
        ) from None


@lru_cache(maxsize=256)
def _found(locale: str | None) -> Any:
    from babel.core import Locale, UnknownLocaleError  # an optional dependency

    for each in fallbacks(locale):
        try:
            return Locale.parse(each or _DEFAULT, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(_DEFAULT)
