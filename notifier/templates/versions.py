"""The versions of templates: which text a message was made of."""

import hashlib
from functools import cached_property

from notifier.templates.files import TemplateFiles, split_part

_DIGITS = 8
_LONGEST_NAME = 100


class Versions:
    """The version of each template of a folder. Reads the files of a template once."""

    def __init__(self, files: TemplateFiles) -> None:
        self._files = files
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return `order_shipped@3f9c2a1b`: the name, and a hash of all files of which its messages may be made.

        These are its own, in all languages and for all channels, and those that belong to no template: layouts,
        styles and catalogues. The same files give the same version in every process.
        """
        found = self._known.get(name)
        if found is None:
            hashed = self._shared.copy()
            for path in self._by_template.get(name, ()):
                self._add(hashed, path)
            found = self._known[name] = f"{name[:_LONGEST_NAME]}@{hashed.hexdigest()[:_DIGITS]}"
        return found

    @cached_property
    def _by_template(self) -> dict[str, list[str]]:
        """The paths of each template; those of none under the empty name."""
        found: dict[str, list[str]] = {}
        for path in sorted(self._files.all_paths):
            split = split_part(path)
            found.setdefault(split[0] if split else "", []).append(path)
        return found

    @cached_property
    def _shared(self) -> "hashlib._Hash":
        hashed = hashlib.sha256()
        for path in self._by_template.get("", ()):
            self._add(hashed, path)
        return hashed

    def _add(self, hashed: "hashlib._Hash", path: str) -> None:
        content = (self._files.folder / path).read_bytes()
        hashed.update(f"{path}\0{len(content)}\0".encode())
        hashed.update(content)
