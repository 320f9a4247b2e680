"""Who is to be erased, and how text is searched for that person. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from notifier.errors import UsageError
from notifier.text import trimmed

_SHORTEST = 5
"""Visible characters: what is shorter stands in the text of others too. An empty text stands in every one."""

_ESCAPE = r"(?<=\\[bfnrt]|\\u[0-9a-f]{4}|%[0-9a-f]{2})"
_BEFORE = rf"(?:(?<![[:alnum:]._%+-])|{_ESCAPE})"
_AFTER = r"(?![[:alnum:]-]|\.[[:alnum:]])"
"""What may not be next to an address: joana@example.com and ana@example.com.br are other people. A letter or digit
that ends an escape of JSON (a new line is `\\n`) or of a URL is none of the address.
"""

_KEPT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_@")
"""Characters that a pattern of LIKE keeps: no escape changes them, but for that of a URL, which changes the @."""
_BACKSLASH = r"\\{1,2}"
_SPECIAL = frozenset("!\"#$%&'()*+,-./:;<=>?[\\]^`{|}~")


@dataclass(frozen=True, slots=True)
class Person:
    """A person, as an operator types the address, and how each channel spells it: `channels` and `spellings` are of
    equal length.

    Raises UsageError if the address or a spelling is so short that it stands in the text of others.
    """

    given: str
    channels: Sequence[str]
    spellings: Sequence[str]

    def __post_init__(self) -> None:
        if _is_short(self.given):
            raise UsageError(f"an address of less than {_SHORTEST} characters stands in the text of others, too")
        if short := [name for name, text in zip(self.channels, self.spellings, strict=True) if _is_short(text)]:
            raise UsageError(
                f"{', '.join(short)}: less than {_SHORTEST} characters are left of this address, which stand in the "
                "text of others, too; name the channel that the address is of"
            )

    @property
    def texts(self) -> list[str]:
        """The spellings under which text may mention the person."""
        return sorted({self.given.strip(), *self.spellings})

    @property
    def pattern(self) -> str:
        """A regular expression of Postgres that finds the person, in any case, also in a URL, in JSON of ASCII
        characters, and in bytes that are written as octal numbers.

        It names both cases of a letter that is not in ASCII: where the database's locale is C, `~*` knows one only.
        """
        texts = ("".join(map(_in_any_form, each)) for each in self.texts)
        return f"{_BEFORE}(?:{'|'.join(dict.fromkeys(texts))}){_AFTER}"

    @property
    def likes(self) -> list[str]:
        """Patterns of LIKE of which text in lower case matches one wherever `pattern` does: they are faster."""
        parts = ("".join(char if char in _KEPT else "%" for char in each.lower()) for each in self.texts)
        return [f"%{part.replace('@', at)}%" for part in dict.fromkeys(parts) for at in ("@", r"\%40")]


def _is_short(text: str) -> bool:
    return len(trimmed(text)) < _SHORTEST


def _in_any_form(char: str) -> str:
    """Return a regular expression of what may stand for the character."""
    if char.isascii() and char.isalnum():
        return char
    cases = dict.fromkeys(each for each in (char, char.lower(), char.upper()) if len(each) == 1)
    forms = dict.fromkeys(_literal(form) for each in cases for form in _forms(each))
    return f"(?:{'|'.join(forms)})" if len(forms) > 1 else next(iter(forms))


def _forms(char: str) -> Iterator[str]:
    yield char
    yield quote(char, safe="")
    yield json.dumps(char)[1:-1]
    if not char.isascii():
        yield "".join(f"\\{byte:o}" for byte in char.encode())


def _literal(text: str) -> str:
    """Return a regular expression of this text. A backslash may be doubled: in bytes that are no text it is."""
    return "".join(_BACKSLASH if char == "\\" else f"\\{char}" if char in _SPECIAL else char for char in text)
