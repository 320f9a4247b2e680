"""Whether a process of this machine makes progress: while its main loop runs it writes a file every few seconds.

A process that hangs, or has a delivery that does, stops writing it. One that runs, but cannot record anything in the
database, writes the reason. No port is opened.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0


class Heartbeat:
    """The file of one process: `bridge`, `feedback` or `worker`. A second process of that name has its own folder."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._path = (folder or _folder()) / f"notifier-{name}.beat"
        self._fails = False

    def beat(self, trouble: str = "") -> None:
        """The process runs. `trouble` is what keeps it from its work all the same, in one line.

        A file that cannot be written ends no process: it gets old, which is what `notifier health` tells.
        """
        try:
            self._path.write_text(trouble)
        except OSError as error:
            if not self._fails:
                log.warning("the heartbeat cannot be written", file=str(self._path), reason=error.strerror)
            self._fails = True
        else:
            self._fails = False

    def age(self) -> float | None:
        """Seconds since the last beat, None where there was none."""
        try:
            return time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return None

    def trouble(self) -> str:
        """What the last beat said; empty where there was none."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)


class Recording:
    """Whether a process can write to the database. Its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failed_at = 0.0
        self._reason = ""

    def failed(self, reason: str) -> None:
        """A write failed because of the database."""
        with self._lock:
            now = self._clock()
            if self._since is None or now - self._failed_at > STALE_SECONDS:
                self._since = now
            self._failed_at, self._reason = now, reason

    def worked(self) -> None:
        """A write succeeded."""
        self._since = None

    def trouble(self) -> str:
        """One line where every write has failed for 30 seconds, else empty. Failures of long ago say nothing."""
        with self._lock:
            since, now = self._since, self._clock()
            if since is None or now - self._failed_at > STALE_SECONDS or now - since < STALE_SECONDS:
                return ""
            return f"nothing could be recorded for {now - since:.0f} s: {self._reason}"


def _folder() -> Path:
    return Path(os.environ.get("NOTIFIER_HEARTBEAT_FOLDER") or tempfile.gettempdir())
