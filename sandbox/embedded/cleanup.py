"""The process that outlives its parent for a moment and ends what the parent left behind.

One runs beside each process that has children, and is told on its standard input what to hold: `+group PGID SIGNAL`,
`+folder PATH`; the same with `-` lets it go. The end of that input means that the parent is gone, by whatever death,
SIGKILL included: then the groups get their signal, after a grace SIGKILL, and the folders are removed.

A pipe rather than PR_SET_PDEATHSIG: it takes whole process groups along, works on macOS, survives a change of user,
and does not take the end of a thread for the end of the process. What remains is a SIGKILL between the birth of a
child and the next line of Python.
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


class CleanupProcess:
    """Our end of the pipe. The guard starts with the first thing that it holds and ends with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def hold(self, kind: str, *words: object) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = self._start()
            self._tell("+", kind, *words)

    def let_go(self, kind: str, *words: object) -> None:
        with self._lock:
            self._tell("-", kind, *words)

    def _tell(self, sign: str, *words: object) -> None:
        line = sign + " ".join(str(word) for word in words) + "\n"
        if self._pipe is not None:
            with suppress(BrokenPipeError):  # somebody killed the guard: we go on without
                os.write(self._pipe, os.fsencode(line))

    def _start(self) -> int:
        theirs, ours = os.pipe()
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],  # needs nothing of ours and is there within 20 ms
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # Ctrl-C is not for it
        )
        os.close(theirs)
        atexit.register(self._end, guard)
        return ours

    def _end(self, guard: subprocess.Popen[bytes]) -> None:
        """At exit: whatever is still held ends now."""
        with self._lock:
            if self._pipe is not None:
                os.close(self._pipe)
                self._pipe = None
        guard.wait()


CLEANUP = CleanupProcess()


def main() -> None:
    held: dict[tuple[str, str], None] = {}
    for line in sys.stdin.buffer:
        kind, _, what = os.fsdecode(line[1:].rstrip(b"\n")).partition(" ")
        if line.startswith(b"+"):
            held[kind, what] = None
        else:
            held.pop((kind, what), None)
    groups = [tuple(int(number) for number in what.split()) for kind, what in held if kind == "group"]
    end_groups(groups)
    for kind, what in held:
        if kind == "folder":
            remove_folder(what)


def end_groups(groups: Sequence[tuple[int, ...]]) -> None:
    """End these process groups, each first with its own signal, all of them within GRACE seconds."""
    for group, number in groups:
        signal_group(group, number)
    deadline = time.monotonic() + GRACE
    while any(signal_group(group, 0) for group, _ in groups) and time.monotonic() < deadline:
        time.sleep(0.01)
    for group, _ in groups:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Whether there was still somebody in that group to get the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the second where only zombies are left
        return False
    return True


def remove_folder(folder: str, patience: float = 2.0) -> None:
    """Remove a folder, also where the last of its writers is still dying."""
    deadline = time.monotonic() + patience
    shutil.rmtree(folder, ignore_errors=True)
    while os.path.lexists(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
