"""Whether a process on this machine makes progress: its main loop writes a file every few seconds.

A process that hangs, or has a delivery that hangs, stops writing it. A process that runs but cannot write to the
database writes the reason into the file. `notifier health` reads it (`notifier.process.beats`); `/healthz`
(`notifier.checks`) judges the same beats within the process.
"""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import structlog

from notifier.errors import SettingsError
from notifier.process import beats
from notifier.process.beats import STALE_SECONDS
from notifier.settings import HealthSettings, read_settings

log = structlog.get_logger(__name__)

BEAT_SECONDS = 5.0


class Heartbeat:
    """The heartbeat file of a process, named by its command: `bridge`, `feedback`, `status-sender` or `worker`.

    Two processes of a kind need two folders.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._path = (folder or _folder()) / beats.file_name(name)
        self._failed = False
        self._beaten_at = time.monotonic()

    def checked(self) -> Self:
        """Return itself. Raise SettingsError if the file cannot be written. It creates no file."""
        try:
            is_new = not self._path.exists()
            self._path.open("a").close()
            if is_new:
                self._path.unlink()
        except OSError as error:
            raise self._error("write", error) from None
        return self

    def beat(self, trouble: str = "") -> None:
        """Write the file: the process runs. `trouble` is one line if it cannot do its work nevertheless.

        If the file cannot be written, that is logged once, and `notifier health` will say that the process hangs.
        """
        self._beaten_at = time.monotonic()
        try:
            self._path.write_text(trouble)
        except OSError as error:
            if not self._failed:
                log.warning(str(self._error("write", error)), file=str(self._path), reason=error.strerror)
            self._failed = True
        else:
            self._failed = False

    def silent_seconds(self) -> float:
        """Return the seconds since this object's last beat, or since it was made. The file is not read."""
        return time.monotonic() - self._beaten_at

    def age(self) -> float | None:
        """Return the seconds since the last beat, None if there was none. Raise SettingsError if it is unreadable."""
        try:
            return beats.age(self._path)
        except OSError as error:
            raise self._error("read", error) from None

    def trouble(self) -> str:
        """Return the trouble of the last beat, empty if there was none. Raise SettingsError if it cannot be read."""
        try:
            return beats.trouble(self._path)
        except OSError as error:
            raise self._error("read", error) from None

    def clear(self) -> None:
        """Delete the file. A failure is logged."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning(str(self._error("delete", error)))

    def _error(self, what: str, error: OSError) -> SettingsError:
        return SettingsError(
            f"cannot {what} the heartbeat {self._path} ({error.strerror}): set NOTIFIER_HEARTBEAT_FOLDER to a folder "
            "that this process may write to"
        )


class WriteHealth:
    """Whether a process can write to the database. Its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failed_at = 0.0
        self._reason = ""

    def failed(self, reason: str) -> None:
        """Note that a write failed because of the database; `reason` in one line."""
        with self._lock:
            now = self._clock()
            if self._since is None or now - self._failed_at > STALE_SECONDS:
                self._since = now
            self._failed_at, self._reason = now, reason

    def worked(self) -> None:
        """Note that a write succeeded."""
        self._since = None

    def trouble(self) -> str:
        """Return one line if every write of the last 30 seconds or more has failed, else an empty text.

        A failure that was not followed by another one within 30 seconds does not count.
        """
        with self._lock:
            since, now = self._since, self._clock()
            if since is None or now - self._failed_at > STALE_SECONDS or now - since < STALE_SECONDS:
                return ""
            return f"nothing could be recorded for {now - since:.0f} s: {self._reason}"


def _folder() -> Path:
    return Path(read_settings(HealthSettings).heartbeat_folder or tempfile.gettempdir())
