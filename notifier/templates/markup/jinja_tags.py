"""Jinja's tags in markup, put aside while another program compiles the markup."""

import re

_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_NO_COMMENTS = re.compile(
    r"<!--.*?-->|<(title|style|script|textarea|mj-title|mj-preview|mj-style)\b.*?</\1\s*>"
    r"|<[a-z/!?][^<>\"']*+(?:(?:\"[^\"]*\"|'[^']*')[^<>\"']*+)*+>",
    re.DOTALL | re.IGNORECASE,
)
"""Where a comment would be text: inside of a tag, of a comment, and of elements that have only text."""
_WORD = re.compile(r"<!--(jinjatag(\d+)x)-->|jinjatag(\d+)x")


class JinjaTags:
    """The Jinja tags of a text, each replaced by a comment or, inside of a tag for example, by a word.

    A comment may stand anywhere in HTML and MJML, also between the rows of a table. `safe` is the text with them.

    Example:
        tags = JinjaTags("<p>{{ name }}</p>")
        html = tags.restored(compiled(tags.safe))
    """

    def __init__(self, text: str) -> None:
        self._tags: list[str] = []
        words = _JINJA.sub(self._put_aside, text)
        parts, end = list[str](), 0
        for found in _NO_COMMENTS.finditer(words):
            parts += (_WORD.sub(_comment, words[end : found.start()]), found[0])
            end = found.end()
        self.safe = "".join((*parts, _WORD.sub(_comment, words[end:])))

    def __len__(self) -> int:
        return len(self._tags)

    def restored(self, text: str) -> str:
        """Return the text with Jinja's tags in their places again."""
        return _WORD.sub(lambda found: self._tags[_number(found)], text)

    def is_block(self, number: int) -> bool:
        """Return whether that tag is `{% %}`, which must stand where it stood, and once."""
        return self._tags[number].startswith("{%")

    def _put_aside(self, found: re.Match[str]) -> str:
        self._tags.append(found[0])
        return f"jinjatag{len(self._tags) - 1}x"


def numbers_in(text: str) -> list[int]:
    """Return the numbers of the tags in a text in which they are put aside, in their order."""
    return [_number(found) for found in _WORD.finditer(text)]


def _number(found: re.Match[str]) -> int:
    return int(found[2] or found[3])


def _comment(found: re.Match[str]) -> str:
    return f"<!--{found[0]}-->"
