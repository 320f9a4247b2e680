"""The files in a folder of templates, by template, part and translation. Does not use jinja2."""

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from notifier.errors import TemplateError

_PART = re.compile(r"(.+)/([^/.]+)(?:\.([\w-]+))?(\.txt|\.html|\.mjml)")
_BYTE_ORDER_MARK = "\ufeff"
_LONGEST_LOCALE = 35
"""Characters of a language tag that everybody supports (RFC 5646)."""
EMAIL_PARTS = frozenset(("subject.txt", "body.txt", "body.html"))
SUFFIXES = (".txt", ".html", ".mjml")


class TemplateFiles:
    """The files of a folder, listed once. Paths are relative to it, with slashes.

    A part is a file name without the language: `body.html` in `friend_request/body.de.html`, whose template is
    `friend_request`. It may be written in MJML: `body.mjml` is the part `body.html`, too. Raises
    TemplateError if there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise TemplateError(f"there is no template folder {folder}; create it, or set NOTIFIER_TEMPLATES")
        self.folder = folder.absolute()
        self.all_paths = frozenset(_listed(folder))
        self.paths = frozenset(path for path in self.all_paths if path.endswith(SUFFIXES))
        self._parts = {part: path for path in sorted(self.paths) if (part := split_part(path))}
        self.written = frozenset((name, locale) for name, part, locale in self._parts if part in EMAIL_PARTS)

    def nearest(self, name: str, locale: str | None) -> str | None:
        """Return the first of pt-BR, pt and None in which any part of an email is written."""
        for each in fallbacks(locale):
            if (name, each) in self.written:
                return each
        return None

    def part(self, name: str, part: str, locale: str | None) -> str | None:
        """Return the path of a part, `body.html` for example, in the nearest locale. None if there is none."""
        found = self.part_and_locale(name, part, locale)
        return found[0] if found else None

    def part_and_locale(self, name: str, part: str, locale: str | None) -> tuple[str, str | None] | None:
        """Return the path of a part, and the locale in its name or None. None if there is no such part."""
        for each in fallbacks(locale):
            if path := self._parts.get((name, part, each)):
                return path, each
        return None

    def required(self, name: str, part: str, locale: str | None) -> str:
        """Return the path of a part in the nearest locale. Raise TemplateError if there is none."""
        path = self.part(name, part, locale)
        if path is None and not any(name == each for each, _, _ in self._parts):
            raise TemplateError(f"there is no template {name!r} in {self.folder}; {self._hint(name, part)}")
        if path is None:
            raise TemplateError(f"the template {name!r} has no {part}; write {self.folder / name / part}")
        return path

    def is_fragment(self, path: str) -> bool:
        """Return whether the file is MJML that other files include, and so no template of its own."""
        split = split_part(path)
        return path.endswith(".mjml") and (split is None or split[1] not in EMAIL_PARTS)

    def read(self, path: str) -> str:
        """Return the text of a file, without the byte-order mark of some editors. Raise TemplateError."""
        try:
            return (self.folder / path).read_text("utf-8").lstrip(_BYTE_ORDER_MARK)
        except UnicodeDecodeError as error:
            raise TemplateError(f"{self.folder / path} cannot be read: {error}; save it as UTF-8") from None
        except OSError as error:
            raise TemplateError(f"{self.folder / path} cannot be read: {error}") from None

    def names(self) -> list[str]:
        """Return the names of the templates that have a part of an email."""
        return sorted({name for name, _ in self.written})

    def _hint(self, name: str, part: str) -> str:
        known = sorted({each for each, its_part, _ in self._parts if its_part == part})
        near = get_close_matches(str(name), known, cutoff=0.5) or known[:10]
        return f"the nearest: {', '.join(near)}" if near else "it holds none at all"


def _listed(folder: Path) -> Iterator[str]:
    """Yield every file. Links are followed (ConfigMaps of Kubernetes consist of them), but not out of the folder."""
    root, seen = folder.resolve(), set[Path]()
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        if (real := here.resolve()) in seen or not real.is_relative_to(root):
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [each for each in folders if not each.startswith(".")]
        for file in files:
            if (here / file).resolve().is_relative_to(root):
                yield (here / file).relative_to(folder).as_posix()


def split_part(path: str) -> tuple[str, str, str | None] | None:
    """Return template, part and locale of a path: `a`, `body.html` and `pt-br` for `a/body.pt-BR.html`, or `mjml`."""
    match = _PART.fullmatch(path)
    if match is None:
        return None
    name, stem, locale, suffix = match.groups()
    return name, stem + suffix.replace("mjml", "html"), folded(locale) if locale else None


def fallbacks(locale: str | None) -> Iterable[str | None]:
    """Yield pt-br, pt and None for pt-BR. Kept for what can be a locale: an item may hold a text of any length."""
    return _kept_fallbacks(locale) if may_be_locale(locale) else _shorter(locale)


def may_be_locale(given: object) -> TypeGuard[str]:
    """Return whether it is a text that is short enough for a locale."""
    return isinstance(given, str) and len(given) <= _LONGEST_LOCALE


@lru_cache(maxsize=256)
def _kept_fallbacks(locale: str) -> tuple[str | None, ...]:
    return tuple(_shorter(locale))


def _shorter(locale: str | None) -> Iterator[str | None]:
    parts = folded(locale).split("-") if isinstance(locale, str) else []
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    yield None


def folded(locale: str) -> str:
    """Return a locale as it is compared: `pt-br` for `pt_BR`."""
    return locale.replace("_", "-").lower()
