"""The folder of `notifier up --data`: what its servers keep, and their ports and passwords."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notifier.cli.terminal.output import say
from notifier.errors import UsageError
from sandbox.embedded.allocation import free_port, is_free
from sandbox.embedded.kept import Kept

_SERVERS = "servers.json"
_LOCK = "lock"


class DataFolder:
    """The folder of one system. Use `data_folder`, which locks it.

    `servers.json`, which only its owner can read, has the port and the password of each server.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_new = not (path / _SERVERS).exists()
        self._servers: dict[str, dict[str, Any]] = {}
        if not self.is_new:
            try:
                self._servers = json.loads((path / _SERVERS).read_text())
            except ValueError as error:
                raise UsageError(f"{path / _SERVERS} is damaged ({error}): name a new folder") from None

    def server(self, name: str) -> Kept:
        """Return where a server keeps its data. Its port stays the same, unless another program has taken it."""
        port = self.port(name)
        home = self.path / name
        home.mkdir(mode=0o700, exist_ok=True)
        return Kept(home, port, self._servers[name]["password"])

    def port(self, name: str) -> int:
        """Return the port of a server or a page."""
        known = self._servers.get(name)
        if known is None:
            known = self._servers[name] = {"port": free_port(), "password": secrets.token_urlsafe(24)}
            self._save()
        elif not is_free(known["port"]):
            taken, known["port"] = known["port"], free_port()
            self._save()
            say(f"{name}: another program has taken port {taken}; from now on it is {known['port']}", err=True)
        port: int = known["port"]
        return port

    def logs(self) -> Path:
        """Return the folder of the logs."""
        return self.path / "logs"

    def _save(self) -> None:
        written = self.path / f"{_SERVERS}.new"
        written.unlink(missing_ok=True)
        written.touch(mode=0o600)
        written.write_text(json.dumps(self._servers, indent=1))
        written.replace(self.path / _SERVERS)


@contextmanager
def data_folder(path: Path) -> Iterator[DataFolder]:
    """The folder at `path`, for this process alone. It is made if it does not exist.

    Raise UsageError if another process uses it, if it has other files, or if it cannot be used.
    """
    try:
        path.mkdir(mode=0o711, parents=True, exist_ok=True)  # Postgres may run as another user, who must enter it
        if not (path / _SERVERS).exists() and any(each.name != _LOCK for each in path.iterdir()):
            raise UsageError(f"{path} has other files, and is no folder of `notifier up --data`: name a new one")
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be used as --data: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(lock, 20).decode() or "?"
            raise UsageError(
                f"{path} is in use by another `notifier up`, process {holder}: stop that one, or name another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        yield DataFolder(path.resolve())
    finally:
        os.close(lock)
