"""The plain text of an HTML mail."""

import re
from html import unescape
from textwrap import wrap

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<![^<>]*>|<(/?)([a-z][\w:-]*+)([^<>\"']*+(?:(?:\"[^<\"]*+\"|'[^<']*+')[^<>\"']*+)*+)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_UNSEEN = re.compile("[\u00ad\u034f\u200b\u200c\u2007\u2060\ufeff]")
_SKIPPED = frozenset(("head", "style", "script", "title", "template", "noscript", "svg", "object"))
_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"))
_LINES = frozenset(
    (
        *("address", "article", "aside", "body", "caption", "center", "dd", "div", "dt", "figcaption", "footer"),
        *("form", "header", "html", "li", "main", "nav", "section", "table", "tbody", "tfoot", "thead", "tr"),
    )
)
_PARAGRAPHS = frozenset(("blockquote", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"))
_UNDERLINES = {"h1": "=", "h2": "-"}
_WIDTH = 78


def plain_text(html: str) -> str:
    """Return what the HTML says, as plain text of lines of at most 78 characters, where words and addresses fit.

    Headings are underlined, items of lists have a dash or a number, a link has its address behind its text, an image
    its `alt`. Cells of a row are one line. What is hidden (`display:none`, as the preview line of an inbox) and what
    has no text are left out.
    """
    return _Reading().text_of(html)


class _Reading:
    """The state of one reading: the finished lines, the line that is being read, and the elements around it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int]] = []
        self._mark = ""
        self._quotes = 0
        self._kept = 0
        self._skipped: list[str] = []

    def text_of(self, html: str) -> str:
        end = 0
        for found in _TOKEN.finditer(html):
            if not self._skipped:
                self._data(html[end : found.start()])
            end = found.end()
            if found[2]:
                self._element(found[2].lower(), found[3], closes=bool(found[1]))
        if not self._skipped:
            self._data(html[end:])
        self._end_line()
        return _BLANK_LINES.sub("\n\n", "\n".join(self._lines)).strip("\n") + "\n"

    def _element(self, name: str, attributes: str, *, closes: bool) -> None:
        if self._skipped:
            self._skip(name, attributes, closes=closes)
        elif closes:
            self._close(name)
        elif name in _SKIPPED or (("hid" in attributes or "none" in attributes) and _is_hidden(attributes)):
            if name not in _VOID:
                self._skipped.append(name)
        else:
            self._open(name, attributes)

    def _skip(self, name: str, attributes: str, *, closes: bool) -> None:
        """Follow elements of the name of the skipped one, to find its end."""
        if name != self._skipped[0] or attributes.endswith("/"):
            return
        if closes:
            self._skipped.pop()
        else:
            self._skipped.append(name)

    def _open(self, name: str, attributes: str) -> None:
        if name == "br":
            self._end_line(keep=True)
        elif name == "hr":
            self._paragraph()
            self._lines += ("-" * 20, "")
        elif name == "img":
            self._data(_attribute(attributes, "alt"), plain=True)
        elif name == "a":
            self._links.append((_attribute(attributes, "href").strip(), len(self._line)))
        elif name in ("td", "th"):
            self._line.append(" ")
        elif name in _PARAGRAPHS:
            self._open_paragraph(name)
        elif name in _LINES:
            self._end_line()
            if name == "li":
                self._mark = self._next_mark()

    def _open_paragraph(self, name: str) -> None:
        if name in ("ul", "ol"):
            self._end_line() if self._lists else self._paragraph()
            self._lists.append(1 if name == "ol" else None)
            return
        if not self._mark:  # a paragraph at the beginning of an item stays beside its dash
            self._paragraph()
        self._quotes += name == "blockquote"
        self._kept += name == "pre"

    def _close(self, name: str) -> None:
        if name == "a" and self._links:
            self._close_link()
        elif name in _UNDERLINES:
            self._heading(_UNDERLINES[name])
        elif name in ("ul", "ol"):
            self._end_line()
            if self._lists:
                self._lists.pop()
            if not self._lists:
                self._paragraph()
        elif name in _PARAGRAPHS:
            self._paragraph()
            self._quotes = max(0, self._quotes - (name == "blockquote"))
            self._kept = max(0, self._kept - (name == "pre"))
        elif name in _LINES:
            self._end_line()

    def _close_link(self) -> None:
        address, start = self._links.pop()
        address = unescape(address)
        shown = _joined(self._line[start:])
        bare = address.partition(":")[2] if address.startswith(("mailto:", "tel:")) else address
        if not address or address.startswith(("#", "javascript:")) or not shown:
            return
        if shown in (address, bare) or shown.rstrip("/") == re.sub(r"^https?://", "", address).rstrip("/"):
            self._line[start:] = [f" {bare}"] if shown == bare else self._line[start:]
            return
        self._line.append(f" ({bare})")

    def _heading(self, line: str) -> None:
        text = _joined(self._line)
        self._paragraph()
        if text:
            self._lines[-1:] = [line * min(len(text), _WIDTH), ""]

    def _next_mark(self) -> str:
        depth = "  " * max(0, len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{depth}- "
        self._lists[-1] = number + 1
        return f"{depth}{number}. "

    def _data(self, text: str, *, plain: bool = False) -> None:
        if not text:
            return
        text = _UNSEEN.sub("", unescape(text)) if "&" in text or not text.isascii() else text
        if self._kept and not plain:
            first, *more = text.split("\n")
            self._line.append(first)
            for each in more:
                self._end_line(keep=True)
                self._line.append(each)
            return
        self._line.append(_SPACES.sub(" ", text))

    def _paragraph(self) -> None:
        self._end_line()
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def _end_line(self, *, keep: bool = False) -> None:
        """Write the line that was read. An empty one is written only if `keep` is true, as for `<br>`."""
        text = "".join(self._line).rstrip() if self._kept else _joined(self._line)
        self._line.clear()
        self._links = [(address, 0) for address, _ in self._links]
        if not text:
            if keep and self._lines:
                self._lines.append("")
            return
        quote = "> " * self._quotes
        mark, self._mark = self._mark, ""
        indent = " " * len(mark) if mark else "  " * len(self._lists)
        if self._kept or len(text) + len(quote) + len(mark or indent) <= _WIDTH:
            self._lines.append(f"{quote}{mark or indent}{text}")
            return
        self._lines += wrap(
            text, _WIDTH, initial_indent=quote + (mark or indent), subsequent_indent=quote + indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _joined(parts: list[str]) -> str:
    return _SPACES.sub(" ", "".join(parts)).strip()


def _is_hidden(attributes: str) -> bool:
    """Return whether readers do not see the element, or screen readers leave it out because it is an ornament."""
    if _attribute(attributes, "aria-hidden") == "true":
        return True
    return _HIDDEN.search(_attribute(attributes, "style")) is not None


def _attribute(attributes: str, name: str) -> str:
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return found[2] or found[3] or found[4] or ""
    return ""
