"""Who is to be erased, and how text is searched for that person. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

_BEFORE, _AFTER = r"(?<![[:alnum:]._%+-])", r"(?![[:alnum:]-]|\.[[:alnum:]])"
"""What may not be next to an address: joana@example.com and ana@example.com.br are other people."""

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
        """The spellings under which text may mention the person, also in a URL."""
        plain = {self.given.strip(), *self.spellings}
        return sorted({form for each in plain for form in (each, quote(each, safe="@"), quote(each, safe=""))})

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
