"""A process that ends the children and removes the folders of its parent when the parent ends, even by SIGKILL.

One runs beside each process that has children. Its standard input says what to clean up: `+group PGID SIGNAL` or
`+folder PATH`; the same line with `-` says that it is done. The end of the input means that the parent has ended.
Then each process group gets its signal, after GRACE seconds SIGKILL, and the folders are removed.

This is a pipe and not PR_SET_PDEATHSIG, which does not reach whole process groups, does not exist on macOS, is lost
when a child changes its user, and also fires when only the parent's thread that started the child ends. A child is
left running only if SIGKILL comes between its start and the line that registers it.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

GRACE = 1.0
"""Seconds from the signal of a process group to SIGKILL."""


class CleanupProcess:
    """The parent's end of the pipe. The cleanup process starts at the first `register`, and ends after the parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def register(self, kind: str, *words: object) -> None:
        """`register("group", PGID, SIGNAL)` or `register("folder", PATH)`."""
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()
            self._write("+", kind, *words)

    def unregister(self, kind: str, *words: object) -> None:
        """Undo `register` with the same arguments."""
        with self._lock:
            self._write("-", kind, *words)

    def _write(self, sign: str, *words: object) -> None:
        line = sign + " ".join(str(word) for word in words) + "\n"
        if self._pipe is not None:
            with suppress(BrokenPipeError):  # the process was killed: continue without it
                os.write(self._pipe, os.fsencode(line))

    def _start(self) -> int:
        theirs, ours = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],  # imports only the standard library: starts within 20 ms
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # Ctrl-C must not reach it
        )
        os.close(theirs)
        atexit.register(self._end, process)
        return ours

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """At exit: close the pipe, so that everything registered is cleaned up, and wait for that."""
        with self._lock:
            if self._pipe is not None:
                os.close(self._pipe)
                self._pipe = None
        process.wait()


CLEANUP = CleanupProcess()


def main() -> None:
    """Read the pipe to its end, then clean up."""
    registered: dict[tuple[str, str], None] = {}
    for line in sys.stdin.buffer:
        kind, _, what = os.fsdecode(line[1:].rstrip(b"\n")).partition(" ")
        if line.startswith(b"+"):
            registered[kind, what] = None
        else:
            registered.pop((kind, what), None)
    groups = [tuple(int(number) for number in what.split()) for kind, what in registered if kind == "group"]
    end_groups(groups)
    for kind, what in registered:
        if kind == "folder":
            remove_folder(what)


def end_groups(groups: Sequence[tuple[int, ...]]) -> None:
    """End these process groups, given as (id, signal): by the signal, and by SIGKILL after GRACE seconds."""
    for group, number in groups:
        signal_group(group, number)
    deadline = time.monotonic() + GRACE
    while any(signal_group(group, 0) for group, _ in groups) and time.monotonic() < deadline:
        time.sleep(0.01)
    for group, _ in groups:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group. Return False if no process is left in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS raises the second if only zombies are left
        return False
    return True


def remove_folder(folder: str, timeout: float = 2.0) -> None:
    """Remove a folder. A process that is just ending may still write to it: try for `timeout` seconds."""
    deadline = time.monotonic() + timeout
    shutil.rmtree(folder, ignore_errors=True)
    while os.path.lexists(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
