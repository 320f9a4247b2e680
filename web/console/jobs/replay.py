"""The replay of records in quarantine: `notifier quarantine replay` in a process, which loads the routes."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from notifier.errors import UsageError
from web.console.visit import Visit

_SECONDS = 60.0
"""How long a replay may take. What it has done by then is done: each batch is a transaction."""
_STOP_SECONDS = 5.0
_running = threading.Lock()


@dataclass(frozen=True, slots=True)
class Replay:
    """Which records are replayed: one by its `id`, those whose error contains a text, or all."""

    id: int | None = None
    because: str = ""
    dry_run: bool = False

    @property
    def arguments(self) -> list[str]:
        """The arguments of the command, without the reason."""
        which = (
            [str(self.id)] if self.id is not None else [f"--because={self.because}"] if self.because else ["--all"]
        )
        return [*which, *(["--dry-run"] if self.dry_run else [])]

    def run(self, visit: Visit) -> dict[str, Any]:
        """Return what the command says with `--json`. Raise UsageError with its words if it fails, or is late."""
        if "\0" in self.because + visit.reason:
            raise UsageError("A text has a character that no text may have.")
        if not _running.acquire(blocking=False):
            raise UsageError("Another replay is running: try again once it has ended.")
        try:
            return _answer(*_run([*self.arguments, f"--reason={visit.reason}", "--json"], _environment(visit)))
        finally:
            _running.release()


def _environment(visit: Visit) -> dict[str, str]:
    settings = visit.settings
    own = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_CONSOLE_")}
    return own | {
        "NOTIFIER_ACTOR": visit.actor,
        "NOTIFIER_DATABASE_URL": settings.database_url.get_secret_value(),
        "NOTIFIER_ROUTES": settings.routes,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _run(arguments: list[str], environment: dict[str, str]) -> tuple[str, str]:
    """Return what the command writes. Raise UsageError once it has taken too long."""
    command = [sys.executable, "-P", "-m", "notifier", "quarantine", "replay", *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    raise UsageError(
        f"It took longer than {_SECONDS:g} seconds and was stopped. What it had replayed is done: do it again "
        "to go on."
    )


def _answer(out: str, err: str) -> dict[str, Any]:
    """Return the last line, which is JSON; the lines before are what the user's module printed."""
    lines = out.strip().splitlines()
    with suppress(ValueError):
        if lines and isinstance(answer := orjson.loads(lines[-1]), dict):
            return answer
    said = [line.removeprefix("notifier: ") for line in err.strip().splitlines()]
    raise UsageError(said[-1] if said else "The replay ended without an answer.")
