"""Temporary folders and free ports for embedded servers."""

import os
import pwd
import secrets
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import Unreachable
from sandbox.embedded.cleanup import CLEANUP, remove_folder


@contextmanager
def temporary_folder(account: pwd.struct_passwd | None = None) -> Iterator[Path]:
    """A folder that is removed after the block, also if this process is killed.

    Its owner is `account`, or the user of this process. Raise Unreachable if that account cannot enter it.
    """
    base = Path(tempfile.gettempdir()).resolve()
    if account and not all(folder.stat().st_mode & stat.S_IXOTH for folder in (base, *base.parents)):
        raise Unreachable(f"{account.pw_name} cannot enter {base}: set TMPDIR to a folder that everybody may enter")
    folder = base / f"notifier-{secrets.token_hex(16)}"
    CLEANUP.register("folder", folder)  # before it exists: a kill in between would leave it behind
    try:
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        remove_folder(str(folder))
        if not folder.exists():
            CLEANUP.unregister("folder", folder)


def free_port() -> int:
    """Return a port of 127.0.0.1 on which no server listens.

    It is below the range that systems use for outgoing connections. Otherwise a client that tries to reach a stopped
    server can be given that server's own port, connect to itself, and keep the server from coming back.
    """
    while not is_free(port := 20_000 + secrets.randbelow(12_000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Return whether a server accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
