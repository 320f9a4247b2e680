"""The heartbeat files of processes, as they are read. Imports the standard library alone, and little of it.

A container's health check runs `notifier health NAME` every few seconds. All that other commands import takes most of
a second of CPU: for six containers a third of a core, and on a busy machine longer than the check may take.
"""

import os
import time
from collections.abc import Mapping, Sequence

PROCESSES = ("bridge", "feedback", "status-sender", "worker")
STALE_SECONDS = 30.0

_FOLDER = "NOTIFIER_HEARTBEAT_FOLDER"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def file_name(process: str) -> str:
    return f"notifier-{process}.beat"


def age(path: str | os.PathLike[str]) -> float | None:
    """Return the seconds since the last beat, None if there was none. Raise OSError if the file is unreadable."""
    try:
        return time.time() - os.stat(path).st_mtime  # noqa: PTH116  pathlib takes as long to import as all of this
    except (FileNotFoundError, NotADirectoryError):
        return None


def trouble(path: str | os.PathLike[str]) -> str:
    """Return the trouble of the last beat, empty if there was none. Raise OSError if the file is unreadable."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def silence(seconds: float | None) -> str:
    """Return in one line what is wrong with a process that has beaten so many seconds ago; empty if nothing is."""
    if seconds is None:
        return "has not started here"
    return "" if seconds < STALE_SECONDS else f"last made progress {seconds:.0f} s ago"


def verdict(process: str, seconds: float | None, reason: str) -> tuple[bool, str]:
    """Return whether the process is healthy, and that in one line. `reason` is the trouble of its last beat."""
    words = silence(seconds) or f"last made progress {seconds or 0:.0f} s ago"
    return not (silence(seconds) or reason), f"{process} {words}{f', but {reason}' if reason else ''}"


def answer_quickly(words: Sequence[str], variables: Mapping[str, str]) -> int | None:
    """Do what `notifier health` with these words does, and return its exit code. Return None, having done nothing,
    for what needs the whole command: options, mistakes, a folder whose setting has to be examined first.
    """
    folder = variables.get(_FOLDER, "")
    others = (name for name in variables if name.upper() == _FOLDER and name != _FOLDER)
    if len(words) != 1 or words[0] not in PROCESSES or not _PLAIN.issuperset(folder) or any(others):
        return None
    if not folder:
        from tempfile import gettempdir

        folder = gettempdir()
    path = os.path.join(folder, file_name(words[0]))  # noqa: PTH118
    try:
        good, line = verdict(words[0], age(path), trouble(path))
    except OSError:
        return None
    print(line)
    return 0 if good else 1
