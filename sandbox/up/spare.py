"""A process of `sandbox.up.standby`, as `notifier up` uses it."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, Literal

from notifier.errors import NotifierError
from sandbox.embedded.processes import Child
from sandbox.system import System, clean_environment

Role = Literal["bridge", "worker"]
ROLES: tuple[Role, ...] = ("bridge", "worker")


class Spare:
    """A bridge or worker that has not begun. `load` it, wait for its `answer`, then `start` it and let it
    `begin`, or `discard` it.

    `has_imported`: whether it had imported the libraries at the last `answer`.
    """

    def __init__(self, system: System, role: Role) -> None:
        self.role = role
        ours, theirs = socket.socketpair()
        log = system.folder / f"{role}.log"
        words: list[str | Path] = [sys.executable, "-P", "-m", "sandbox.up.standby", role, str(theirs.fileno())]
        environment = {**clean_environment(), **system.environment}
        with theirs:
            self.process = Child(role, words, log=log, env=environment, pass_fds=(theirs.fileno(),))
        ours.setblocking(False)
        self._link = ours
        self._read = b""
        self.has_imported = False

    def load(self, environment: dict[str, str]) -> None:
        """Let it load the user's code, with these variables, once it has imported the libraries."""
        self._send({"environment": environment})

    def answer(self) -> dict[str, Any] | None:
        """Return what `standby.loaded` returned, None as long as it loads. One that ended has an `error`, too."""
        try:
            while some := self._link.recv(65_536):
                self._read += some
        except OSError:
            pass  # nothing to read now; or it has ended
        lines = self._read.split(b"\n")[:-1]
        self.has_imported = bool(lines)
        if len(lines) > 1:
            found: dict[str, Any] = json.loads(lines[1])
            return found
        try:
            self.process.check()
        except NotifierError as error:
            return {"error": str(error), "files": []}
        return None

    def start(self, *words: str) -> None:
        """Let it become `notifier WORDS`, and check what it needs. It does nothing else before `begin`."""
        self._send({"words": words})

    def begin(self) -> Child:
        """Let it begin. Return the process."""
        self._send({})
        self._link.close()
        return self.process

    def discard(self) -> None:
        """End it."""
        self._link.close()
        self.process.stop()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            os.write(self._link.fileno(), json.dumps(message).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return  # it has ended: `answer` and `System.check` say so
