"""The sources of templates as Jinja compiles them: MJML as HTML, and the rules of `inline.css` in the elements."""

from functools import cached_property

from notifier.templates.files import TemplateFiles
from notifier.templates.markup.css import STYLES, inlined
from notifier.templates.markup.mjml import compiled_mjml


class Sources:
    """The sources of a folder. `not_inlined` are the files into whose elements the rules could not be written."""

    def __init__(self, files: TemplateFiles) -> None:
        self._files = files
        self.not_inlined: set[str] = set()

    def text(self, path: str) -> str:
        """Return the source of a template. Raise TemplateError if it cannot be read or compiled."""
        if path.endswith(".mjml"):
            return self._inlined(path, compiled_mjml(path, self._files.read))
        text = self._files.read(path)
        return self._inlined(path, text) if path.endswith(".html") else text

    @cached_property
    def _css(self) -> str:
        return self._files.read(STYLES) if STYLES in self._files.all_paths else ""

    def _inlined(self, path: str, html: str) -> str:
        if not self._css:
            return html
        made = inlined(path, html, self._css)
        if made is None:
            self.not_inlined.add(path)
        return html if made is None else made
