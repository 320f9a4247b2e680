"""Notice that files of the user have changed, by looking at them: works on every file system and every machine."""

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

_TESTS = ("test_*.py", "*_test.py", "conftest.py")
"""Files of pytest, which no process of the system imports."""

Seen = dict[str, tuple[int, int, int]]
"""For each path the time of its last change in nanoseconds, its size and its inode."""


class Watch:
    """Returns a change once the files have been the same at two looks: an editor may be in the middle of a save.

    `is_settled`: the last two looks were the same.
    """

    def __init__(self) -> None:
        self._files: frozenset[str] = frozenset()
        self._folders: frozenset[Path] = frozenset()
        self._templates: Path | None = None
        self._known: Seen = {}
        self._last: Seen = {}
        self.is_settled = True

    def set(self, files: Iterable[str], *, folders: Iterable[Path] = (), templates: Path | None = None) -> None:
        """Watch these files, all Python files directly in `folders` except tests, and all files below `templates`.

        What has changed in a file that was watched before is still returned.
        """
        before = self._known
        self._files, self._folders = frozenset(files), frozenset(folders)
        self._templates = templates or self._templates
        now = self._look()
        self._known = {path: before.get(path, found) for path, found in now.items()}
        self._last = self._known

    def changed(self) -> list[str]:
        """Return the names of the files that have changed since the last call that returned any."""
        now = self._look()
        self.is_settled, self._last = now == self._last, now
        if now == self._known or not self.is_settled:
            return []
        names = {path for path in now.keys() | self._known.keys() if now.get(path) != self._known.get(path)}
        self._known = now
        return sorted({Path(each).name for each in names})

    def _look(self) -> Seen:
        return dict(self._stats())

    def _stats(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for path in self._paths():
            try:
                found = Path(path).stat()
            except OSError:  # removed, or between two steps of a save
                continue
            yield path, (found.st_mtime_ns, found.st_size, found.st_ino)

    def _paths(self) -> Iterator[str]:
        yield from self._files
        for folder in self._folders:
            yield from (str(each) for each in folder.glob("*.py") if not _is_test(each.name))
        if self._templates:
            yield from _files_below(self._templates)


def _is_test(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _TESTS)


def _files_below(root: Path) -> Iterator[str]:
    """Yield the files that `TemplateFiles` may list. Links are followed, but not out of `root`."""
    real_root, seen = os.path.realpath(root), set[str]()
    for place, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in seen or os.path.commonpath((real, real_root)) != real_root:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield from (f"{place}/{each}" for each in files)
