"""Renders the templates of one folder, each compiled once, in the nearest translation."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from traceback import walk_tb
from typing import Any

import jinja2
from jinja2.ext import extract_from_ast
from jinja2.meta import find_referenced_templates

from notifier.errors import SettingsError, TemplateError
from notifier.messages import EmailContent
from notifier.settings import RoutingSettings
from notifier.templates.checks import message_parts, remarks
from notifier.templates.environment import TemplateEnvironment
from notifier.templates.files import TemplateFiles
from notifier.templates.localization.catalogues import Catalogues
from notifier.templates.localization.locale import LOCALE
from notifier.templates.markup.css import STYLES
from notifier.templates.markup.plain_text import plain_text
from notifier.templates.printing import NotPrintable
from notifier.templates.sources import Sources
from notifier.templates.versions import Versions
from notifier.text import sound

_Compiled = tuple[jinja2.Template, jinja2.Template | None, jinja2.Template | None]


def templates_folder(settings: RoutingSettings, routes_file: Path | None) -> Path:
    """Return NOTIFIER_TEMPLATES, or the folder `templates` beside the file of the routes module.

    Raises SettingsError if neither is known.
    """
    if settings.templates:
        return Path(settings.templates)
    if not routes_file:
        raise SettingsError("NOTIFIER_TEMPLATES is not set, and there is no routes module to look beside")
    return routes_file.parent / "templates"


class Templates:
    """All templates of one folder. Thread-safe.

    The folder is listed once and each template compiled once, so that rendering reads no file again. Raises
    TemplateError if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self._files = TemplateFiles(folder)
        self._sources = Sources(self._files)
        self._compiled: dict[tuple[str, str | None], _Compiled] = {}
        # Two environments: a file that an HTML body includes is escaped too, whatever its name.
        self._html = TemplateEnvironment(self._source, autoescape=True)
        self._text = TemplateEnvironment(self._source, autoescape=False)
        self._catalogues = Catalogues(self._files)
        self._versions = Versions(self._files)
        for each in (self._html, self._text):
            each.globals.update(self._catalogues.functions())

    @classmethod
    def of(cls, settings: RoutingSettings, routes_file: Path | None) -> "Templates":
        """Return the templates of the settings, whose routes are in that file. Raise as `templates_folder` does."""
        return cls(templates_folder(settings, routes_file))

    @property
    def catalogue_locales(self) -> list[str]:
        """The locales in which there is a catalogue of gettext."""
        return self._catalogues.locales

    @property
    def folder(self) -> Path:
        return self._files.folder

    def names(self) -> list[str]:
        """Return the names of the templates of emails."""
        return self._files.names()

    def render(self, name: str, context: Mapping[str, Any], locale: str | None = None) -> EmailContent:
        """Return the mail of a template and its values, in the nearest translation. Raise TemplateError."""
        subject, text, html = self._template(name, locale)
        values = self._values(subject, context)
        LOCALE.set(locale)
        title = " ".join(sound(self._rendered(subject, context, values)).split())
        plain = None if text is None else sound(self._rendered(text, context, values))
        written = None if html is None else sound(self._rendered(html, context, values))
        return EmailContent(title, sound(plain_text(written or "")) if plain is None else plain, written)

    def text(self, name: str, part: str, context: Mapping[str, Any], locale: str | None = None) -> str:
        """Return one part of a template, `sms.txt` for example, rendered in the nearest translation.

        Raises TemplateError.
        """
        template = self._get(self._text, self._files.required(name, part, locale))
        LOCALE.set(locale)
        return sound(self._rendered(template, context, self._values(template, context)))

    def version(self, name: str) -> str:
        """Return the name of a template with a hash of its files, as `order_shipped@3f9c2a1b`."""
        return self._versions.of(name)

    def check(self) -> None:
        """Compile every file of the folder. Raise TemplateError for the first that is broken."""
        for path in sorted(self._files.paths):
            if not self._files.is_fragment(path):
                self._get(self._text if path.endswith(".txt") else self._html, path)
            for reference in self._references(path):
                if reference is not None and reference not in self._files.paths:
                    raise TemplateError(f"{self._files.folder / path} needs {reference!r}, which is not there")
        for name in self.names():
            self._template(name, None)
        self._catalogues.check()

    def parts(self, channels: Collection[str]) -> dict[str, dict[str, list[str]]]:
        """Return the parts of each template that is a message, each with the languages in which it is written.

        The language of a file without one is the empty text. `channels` are the names of the installed channels.
        """
        found: dict[str, dict[str, list[str]]] = {}
        for name, part, locale in sorted(message_parts(self._files, channels), key=lambda each: each[2] or ""):
            found.setdefault(name, {}).setdefault(part, []).append(locale or "")
        return dict(sorted(found.items()))

    def remarks(self, channels: Collection[str]) -> list[str]:
        """Return one sentence for each probable mistake: a translation without a part, a file that is not used.

        `channels` are the names of the installed channels.
        """
        referenced = {each for path in self._files.paths for each in self._references(path)}
        not_inlined = [
            f"the rules of {STYLES} are not in {path}: an HTML parser would move its elements or tags of Jinja; "
            "write its styles by hand"
            for path in sorted(self._sources.not_inlined)
        ]
        texts = (text for path in self._files.paths for text in self._texts(path))
        untranslated = self._catalogues.remarks(texts) if self._catalogues.locales else ()
        return [*remarks(self._files, set(channels), referenced), *not_inlined, *untranslated]

    def _texts(self, path: str) -> Iterator[str]:
        """Yield the texts of a template that catalogues translate; of one with a plural, the singular."""
        for _, _, found in extract_from_ast(self._text.parse(self._files.read(path))):
            text = found[0] if isinstance(found, tuple) else found
            if text:
                yield text

    def _references(self, path: str) -> set[str | None]:
        """Return the files that a template includes; None in it for a name that is computed while rendering."""
        return set(find_referenced_templates(self._text.parse(self._files.read(path))))

    def _template(self, name: str, locale: str | None) -> _Compiled:
        key = (name, self._files.nearest(name, locale))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(*key)
        return compiled

    def _compile(self, name: str, locale: str | None) -> _Compiled:
        subject = self._files.required(name, "subject.txt", locale)
        html = self._files.part(name, "body.html", locale)
        # A mail with HTML needs no text: it is made of the HTML, for each mail.
        text = (self._files.part if html else self._files.required)(name, "body.txt", locale)
        return (
            self._get(self._text, subject),
            self._get(self._text, text) if text else None,
            self._get(self._html, html) if html else None,
        )

    def _source(self, path: str) -> tuple[str, str, None]:
        if path not in self._files.paths:
            raise jinja2.TemplateNotFound(path, f"{path!r} is not in {self._files.folder}")
        return self._sources.text(path), str(self._files.folder / path), None

    def _get(self, environment: jinja2.Environment, path: str) -> jinja2.Template:
        try:
            return environment.get_template(path)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename}, line {error.lineno}: {error.message}") from None

    def _values(self, template: jinja2.Template, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that all parts of a message see: Jinja's globals, which are the same for all templates,
        and above them the context. A template cannot change them.
        """
        try:
            return dict(template.globals, **(context if type(context) is dict else dict(context)))
        except Exception as error:
            raise self._failure(error, template, context) from error

    def _rendered(self, template: jinja2.Template, context: Mapping[str, Any], values: dict[str, Any]) -> str:
        try:
            return render(template, values)
        except Exception as error:
            raise self._failure(error, template, context) from error

    def _failure(self, error: Exception, template: jinja2.Template, context: Mapping[str, Any]) -> TemplateError:
        return TemplateError(sound(self._explained(error, template, context)))

    def _explained(self, error: Exception, template: jinja2.Template, context: Mapping[str, Any]) -> str:
        place = str(template.filename)
        for frame, line in walk_tb(error.__traceback__):
            if frame.f_code.co_filename.startswith(str(self._files.folder)):
                place = f"{frame.f_code.co_filename}, line {line}"
        if isinstance(error, jinja2.UndefinedError):
            return f"{place}: {error}; the context has {', '.join(sorted(map(str, context))) or 'nothing'}"
        if isinstance(error, NotPrintable):
            return f"{place}: {error}"
        if isinstance(error, jinja2.TemplateError):
            return f"{place}: {type(error).__name__}: {error}"
        return f"{place}: {type(error).__name__}"  # the text of other errors may be personal


def render(template: jinja2.Template, values: dict[str, Any]) -> str:
    """Return what `Template.render` returns for these values. They have the template's globals, too."""
    try:
        return "".join(template.root_render_func(template.new_context(values, shared=True)))
    except Exception:  # noqa: BLE001  raised again, with the lines of the template
        template.environment.handle_exception()
