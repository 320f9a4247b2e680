"""What lies in a folder of templates: which parts there are, in which translations. No jinja2 here."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from notifier.errors import TemplateError

_PART = re.compile(r"(.+)/([^/.]+)(?:\.([\w-]+))?(\.txt|\.html)")
_BYTE_ORDER_MARK = "\ufeff"
EMAIL_PARTS = frozenset(("subject.txt", "body.txt", "body.html"))


class TemplateFiles:
    """The folder as it was when it was listed. Paths are relative to it, with slashes."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise TemplateError(f"there is no template folder {folder}; create it, or set NOTIFIER_TEMPLATES")
        self.folder = folder.absolute()
        self.all_paths = frozenset(_listed(folder))
        self.paths = frozenset(path for path in self.all_paths if path.endswith((".txt", ".html")))
        self._parts = {part: path for path in sorted(self.paths) if (part := split_part(path))}
        self.written = frozenset((name, locale) for name, part, locale in self._parts if part in EMAIL_PARTS)

    def nearest(self, name: str, locale: str | None) -> str | None:
        """The nearest locale in which any part of an email is written: pt-BR, pt, none."""
        return next((each for each in _fallbacks(locale) if (name, each) in self.written), None)

    def part(self, name: str, part: str, locale: str | None) -> str | None:
        """The path of `body.html`, say, in the nearest locale; None where there is none."""
        found = self.part_and_locale(name, part, locale)
        return found[0] if found else None

    def part_and_locale(self, name: str, part: str, locale: str | None) -> tuple[str, str | None] | None:
        """The same, with the locale in which it is written; None in it: in that of the template without one."""
        for each in _fallbacks(locale):
            if path := self._parts.get((name, part, each)):
                return path, each
        return None

    def required(self, name: str, part: str, locale: str | None) -> str:
        """The path of a part that the template must have. Raises TemplateError."""
        path = self.part(name, part, locale)
        if path is None and not any(name == each for each, _, _ in self._parts):
            raise TemplateError(f"there is no template {name!r} in {self.folder}; {self._hint(name, part)}")
        if path is None:
            raise TemplateError(f"the template {name!r} has no {part}; write {self.folder / name / part}")
        return path

    def read(self, path: str) -> str:
        """The text of a file, without the byte-order mark that some editors write in front. Raises TemplateError."""
        try:
            return (self.folder / path).read_text("utf-8").lstrip(_BYTE_ORDER_MARK)
        except UnicodeDecodeError as error:
            raise TemplateError(f"{self.folder / path} cannot be read: {error}; save it as UTF-8") from None
        except OSError as error:
            raise TemplateError(f"{self.folder / path} cannot be read: {error}") from None

    def names(self) -> list[str]:
        """The templates of emails; whoever renders another part asks for it by name."""
        return sorted({name for name, _ in self.written})

    def _hint(self, name: str, part: str) -> str:
        known = sorted({each for each, its_part, _ in self._parts if its_part == part})
        near = get_close_matches(str(name), known, cutoff=0.5) or known[:10]
        return f"the nearest: {', '.join(near)}" if near else "it holds none at all"


def _listed(folder: Path) -> Iterator[str]:
    """Every file. Links are followed, for ConfigMaps consist of them, but never out of it."""
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
    """`a/body.pt-BR.html` is the part `body.html` of the template `a` in pt-br."""
    match = _PART.fullmatch(path)
    if match is None:
        return None
    name, stem, locale, suffix = match.groups()
    return name, stem + suffix, _folded(locale) if locale else None


def _fallbacks(locale: str | None) -> Iterator[str | None]:
    parts = _folded(locale).split("-") if isinstance(locale, str) else []
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    yield None


def _folded(locale: str) -> str:
    return locale.replace("_", "-").lower()
