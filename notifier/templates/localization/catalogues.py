"""Catalogues of gettext: `locales/de/LC_MESSAGES/messages.po` in the folder of templates. They need Babel."""

import gettext as gnu
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2.runtime import Context
from jinja2.utils import pass_context
from markupsafe import Markup

from notifier.errors import TemplateError
from notifier.templates.files import TemplateFiles, fallbacks, folded
from notifier.templates.localization.locale import LOCALE
from notifier.templates.printing import format_arguments

_PATH = re.compile(r"locales/([\w@-]+)/LC_MESSAGES/messages\.po")


class Catalogues:
    """The catalogues of a folder, each read when it is first needed. Thread-safe."""

    def __init__(self, files: TemplateFiles) -> None:
        self._files = files
        self._paths = {folded(found[1]): path for path in files.all_paths if (found := _PATH.fullmatch(path))}
        self._read: dict[str, gnu.NullTranslations] = {}

    @property
    def locales(self) -> list[str]:
        return sorted(self._paths)

    def functions(self) -> Mapping[str, Callable[..., str]]:
        """Return what templates call: `_` and `gettext`, `ngettext`; `{% trans %}` uses them, too."""

        @pass_context
        def gettext(context: Context, text: str, /, **variables: Any) -> str:
            return _filled(context, self._current().gettext(text), variables)

        @pass_context
        def ngettext(context: Context, one: str, several: str, number: int, /, **variables: Any) -> str:
            text = self._current().ngettext(one, several, number)
            return _filled(context, text, {"num": number, **variables})

        return {"_": gettext, "gettext": gettext, "ngettext": ngettext}

    def check(self) -> None:
        """Read all. Raise TemplateError for one that is broken, or if Babel is not installed."""
        for locale in self.locales:
            self._of(locale)

    def remarks(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield a sentence for each catalogue that lacks some of these texts."""
        wanted = sorted(set(texts))
        for locale in self.locales:
            found = self._of(locale)
            missing = [each for each in wanted if not _has(found, each)]
            if missing:
                yield (
                    f"{self._paths[locale]} translates {len(wanted) - len(missing)} of the {len(wanted)} texts of "
                    f"templates; the first that it lacks: {missing[0]!r}"
                )

    def _current(self) -> gnu.NullTranslations:
        for each in fallbacks(LOCALE.get()) if self._paths else ():
            if each in self._paths:
                return self._of(each)
        return _NONE

    def _of(self, locale: str) -> gnu.NullTranslations:
        found = self._read.get(locale)
        if found is None:
            found = self._read[locale] = _catalogue(self._paths[locale], self._files)
        return found


_NONE = gnu.NullTranslations()


def _filled(context: Context, text: str, variables: dict[str, Any]) -> str:
    """Return the text with its `%(name)s` replaced by values, printed as `{{ }}` does and escaped in HTML."""
    shown = Markup(text) if context.eval_ctx.autoescape else text  # noqa: S704  a translation is part of the template
    filled: str = shown % format_arguments(variables)
    return filled


def _has(catalogue: gnu.NullTranslations, text: str) -> bool:
    if not isinstance(catalogue, gnu.GNUTranslations):
        return False
    known: Mapping[Any, str] = catalogue._catalog  # type: ignore[attr-defined]  # noqa: SLF001  gettext() returns the text itself where there is no translation
    return text in known or (text, 0) in known


def _catalogue(path: str, files: TemplateFiles) -> gnu.NullTranslations:
    """Return the translations of a file; those marked as fuzzy and those that are empty are left out."""
    try:
        from babel.messages.mofile import write_mo  # an optional dependency
        from babel.messages.pofile import PoFileError, read_po
    except ImportError:
        raise TemplateError(f"{path} needs the package babel: pip install 'dynamodb-notifier[templates]'") from None
    compiled = io.BytesIO()
    try:
        write_mo(compiled, read_po(io.StringIO(files.read(path)), abort_invalid=True))
        return gnu.GNUTranslations(io.BytesIO(compiled.getvalue()))
    except (PoFileError, ValueError, LookupError) as error:
        raise TemplateError(f"{path} is no catalogue that can be read: {error}") from None
