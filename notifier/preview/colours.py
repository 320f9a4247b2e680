"""A message in light or in dark colours, whatever the browser of the person who looks at it prefers."""

import re
from typing import Literal

_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0px)", "(max-width: 0px)"


def coloured(html: str, colours: Literal["light", "dark"]) -> str:
    """Return the HTML with its rules for these colours always on, and those for the others always off.

    A frame cannot ask for them: browsers take the preference of the person.
    """
    return _PREFERS.sub(lambda found: _ALWAYS if found[1].lower() == colours else _NEVER, html)
