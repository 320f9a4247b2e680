"""The entry points of installed packages. Each group is read once: for that the files of all packages are opened."""

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points


def declared(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, of the packages on `sys.path`.

    Those of a package that is installed later into a folder that is on the path already are seen by the next process.
    """
    return _declared(group, tuple(sys.path))


@cache
def _declared(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:  # noqa: ARG001  `entry_points` reads it
    return tuple(entry_points(group=group))
