"""Is a process of this machine making progress? Each one touches a file while its main loop turns.

A process that hangs, or has a delivery that does, stops touching it; one that only waits for a server that is down
goes on. No port is opened.
"""

import os
import tempfile
import time
from pathlib import Path

BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0


class Heartbeat:
    """The file of one process: `bridge`, `feedback` or `worker`. A second process of that name has its own folder."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._path = (folder or _folder()) / f"notifier-{name}.beat"

    def beat(self) -> None:
        self._path.touch()

    def age(self) -> float | None:
        """Seconds since the last beat, None where there was none."""
        try:
            return time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(os.environ.get("NOTIFIER_HEARTBEAT_FOLDER") or tempfile.gettempdir())
