"""Whether a process on this machine makes progress: its main loop writes a file every few seconds.

A process that hangs, or has a delivery that hangs, stops writing it. A process that runs but cannot write to the
database writes the reason into the file. `notifier health` reads it (`notifier.health.beats`); `/healthz`
(`notifier.health.server`) judges the same beats within the process.
"""

import tempfile
import time
from pathlib import Path
from typing import Self

import structlog

from notifier.errors import SettingsError
from notifier.health import beats
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


def _folder() -> Path:
    return Path(read_settings(HealthSettings).heartbeat_folder or tempfile.gettempdir())
