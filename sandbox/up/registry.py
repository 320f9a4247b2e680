"""Which `notifier up` runs: each has a file in a folder of its user, with the variables of its system.

The process holds a lock on its file. So a file without a lock is of a process that was killed.
"""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from notifier.errors import UsageError


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs: its process, its `--data` or "", the variables with which a program finds it, and the
    folder in which it was started.
    """

    pid: int
    data: str
    variables: dict[str, str]
    folder: str = ""


@contextmanager
def registered(data: Path | None, variables: Mapping[str, str]) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Let `running` find the system of this process, for the block. Give a function that replaces the variables."""
    path = _folder() / f"{os.getpid()}.json"
    path.unlink(missing_ok=True)  # of a killed process with the same id
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)

        def write(variables: Mapping[str, str]) -> None:
            found = Running(os.getpid(), str(data.resolve()) if data else "", dict(variables), str(Path.cwd()))
            # In one step, and never shorter, so that a reader never sees a part of it.
            os.pwrite(file, json.dumps(asdict(found)).encode().ljust(os.fstat(file).st_size), 0)

        write(variables)
        yield write
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def running(data: Path | None, process: int | None = None) -> Running:
    """Return the system with that `--data` or of that process; without both, the only system that runs.

    Raise UsageError if there is none, or if there are several and none is named.
    """
    found = [each for each in _all_running() if process in (None, each.pid)]
    if data:
        found = [each for each in found if each.data == str(data.resolve())]
    elif len(found) > 1:
        found = [each for each in found if not each.data] or found
    if not found:
        named = f" --data {data}" if data else f" with the process id {process}" if process else ""
        raise UsageError(
            f"no `notifier up{named}` of yours runs on this machine: start it in another terminal, "
            "and wait until it prints its addresses"
        )
    if len(found) > 1:
        several = ", ".join(
            f"process {each.pid} in {each.folder}{' with ' if each.data else ''}{each.data}" for each in found
        )
        raise UsageError(
            f"several `notifier up` run ({several}): name one by --process PID or --data FOLDER, or stop the others"
        )
    return found[0]


def _all_running() -> Iterator[Running]:
    for path in sorted(_folder().glob("*.json")):
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # it has just ended
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Running(**json.loads(path.read_text()))
        else:
            path.unlink(missing_ok=True)
        finally:
            os.close(file)


def _folder() -> Path:
    """Return the folder of this user, in the folder for temporary files.

    Raise UsageError if somebody else made it: the files name servers to which the user's programs connect.
    """
    folder = Path(tempfile.gettempdir()) / f"notifier-up-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(f"{folder} must be a folder that only you can enter: remove it")
    return folder
