"""Who is to be erased, and how text is searched for that person. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

_ESCAPE = r"(?<=\\[bfnrt]|\\u[0-9a-f]{4}|%[0-9a-f]{2})"
_BEFORE = rf"(?:(?<![[:alnum:]._%+-])|{_ESCAPE})"
_AFTER = r"(?![[:alnum:]-]|\.[[:alnum:]])"
"""What may not be next to an address: joana@example.com and ana@example.com.br are other people. A letter or digit
that ends an escape of JSON (a new line is `\\n`) or of a URL is none of the address.
"""

_SPECIAL = re.compile(r"([^\w\s@])", re.ASCII)
_WILD = re.compile(r"([\\%_])")


@dataclass(frozen=True, slots=True)
class Person:
    """A person, as an operator types the address, and how each channel spells it: `channels` and `spellings` are of
    equal length.
    """

    given: str
    channels: Sequence[str]
    spellings: Sequence[str]

    @property
    def texts(self) -> list[str]:
        """The spellings under which text may mention the person, also in a URL and in JSON of ASCII characters."""
        plain = {self.given.strip(), *self.spellings}
        return sorted(
            {
                form
                for each in plain
                for form in (each, quote(each, safe="@"), quote(each, safe=""), json.dumps(each)[1:-1])
            }
        )

    @property
    def pattern(self) -> str:
        """A regular expression of Postgres that finds the person, in any case."""
        return f"{_BEFORE}(?:{'|'.join(_SPECIAL.sub(_escaped, each) for each in self.texts)}){_AFTER}"

    @property
    def likes(self) -> list[str]:
        """Patterns of LIKE of which text in lower case matches one wherever `pattern` does: they are faster."""
        return ["%" + _WILD.sub(r"\\\1", each.lower()) + "%" for each in self.texts]


def _escaped(found: "re.Match[str]") -> str:
    return found[1] if found[1].isalnum() or not found[1].isascii() else "\\" + found[1]
