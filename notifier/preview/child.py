"""Runs a process for each preview, so that the user's code is loaded afresh and cannot affect this process."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

import orjson

from notifier.errors import NotifierError

SECONDS = 20.0
"""How long a preview may take."""
MEMORY_BYTES = 512 * 1024 * 1024
MOST_BYTES = 4 * 1024 * 1024
"""The largest answer."""
_AT_ONCE = 2
_WAIT_SECONDS = 3.0
_CHUNK = 65_536
_SECRET = ("NOTIFIER_CONSOLE_", "PG")
"""Beginnings of the names of variables that the process does not get, and of those in _SECRETS."""
_SECRETS = frozenset(
    (
        "NOTIFIER_DATABASE_URL",
        "NOTIFIER_BROKER_URL",
        "NOTIFIER_WEBHOOK_SECRET",
        "NOTIFIER_UNSUBSCRIBE_KEYS",
        "NOTIFIER_PREFERENCES_SECRET",
    )
)

_free = threading.BoundedSemaphore(_AT_ONCE)


class PreviewFailed(NotifierError):
    """There is no answer. The text says why. `where` is the line of the user's code that failed, if it is known."""

    def __init__(self, text: str, where: str = "") -> None:
        super().__init__(text)
        self.where = where

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.where})" if self.where and self.where not in text else text


def ask(question: Mapping[str, Any], environment: Mapping[str, str], *, seconds: float = SECONDS) -> dict[str, Any]:
    """Return the answer to a question of `notifier.preview.answers`, from a new process. Raise PreviewFailed.

    `environment` is added to the variables of this process. Two processes run at once; others wait for a moment.
    The process is killed, with all that it started, once it has answered or after `seconds`.
    """
    if not _free.acquire(timeout=_WAIT_SECONDS):
        raise PreviewFailed("other previews are running: try again in a few seconds")
    try:
        text = _run(orjson.dumps(question), _variables(environment), seconds)
    finally:
        _free.release()
    try:
        answer: dict[str, Any] = orjson.loads(text)
    except ValueError:
        raise PreviewFailed("the preview's process gave no answer that can be read") from None
    if "failed" in answer:
        raise PreviewFailed(answer["failed"], answer.get("where", ""))
    return answer


def _variables(added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the process: without the secrets of the console, which the routes do not need."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith(_SECRET) or name in _SECRETS or (name.startswith("NOTIFIER_") and "PASSWORD" in name))
    }
    return {**own, "PYTHONDONTWRITEBYTECODE": "1", **added}


def _run(question: bytes, environment: Mapping[str, str], seconds: float) -> bytes:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "notifier.preview"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101  narrows the type
    assert process.stdout is not None  # noqa: S101
    end = time.monotonic() + seconds
    try:
        with process.stdin, process.stdout:
            writer = threading.Thread(target=_write, args=(process.stdin, question), daemon=True)
            writer.start()
            text = _read(process.stdout, end, seconds)
            code = process.wait(max(0.1, end - time.monotonic())) if not text else 0
    except subprocess.TimeoutExpired:
        raise PreviewFailed(f"it took longer than {seconds:g} seconds") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not text:
        raise PreviewFailed(_ending(code))
    return text


def _write(pipe: IO[bytes], question: bytes) -> None:
    with suppress(OSError, ValueError):
        pipe.write(question)
        pipe.close()


def _read(pipe: IO[bytes], end: float, seconds: float) -> bytes:
    """Return what the process writes until it closes its output. Raise PreviewFailed if it is late or too much."""
    found = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, end - time.monotonic())):
                raise PreviewFailed(f"it took longer than {seconds:g} seconds: what does it wait for?")
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                return bytes(found)
            found += chunk
            if len(found) > MOST_BYTES:
                raise PreviewFailed(f"its answer has more than {MOST_BYTES // 1024 // 1024} MB")


def _ending(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}: too much memory, or a library's fault"
    return f"its process ended with exit code {code} and no answer"
