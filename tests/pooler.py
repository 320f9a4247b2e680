"""PgBouncer in front of a server, each transaction in whichever of its sessions is free."""

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.embedded.allocation import free_port, is_listening, temporary_folder
from sandbox.embedded.processes import Child

_OPTIONS = {
    "listen_addr": "127.0.0.1",
    "unix_socket_dir": "",
    "auth_type": "any",
    "pool_mode": "transaction",
    "default_pool_size": "20",
    "server_round_robin": "1",  # no client gets the session that it had before, if there is another
}


def pgbouncer() -> Path | None:
    """The program, None where it is not installed. NOTIFIER_TEST_PGBOUNCER names another one."""
    given = os.environ.get("NOTIFIER_TEST_PGBOUNCER")
    found = given or shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return Path(found) if found else None


@contextmanager
def running_pgbouncer(program: Path, server: str, folder: Path, **options: str) -> Iterator[str]:
    """Yields the URL that leads to that server's URL through a pooler; its log lies in `folder`."""
    parts = urlsplit(server)
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with temporary_folder(account) as home:
        port = free_port()
        to = f"host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}"
        lines = [f"{name} = {value}" for name, value in {**_OPTIONS, "listen_port": str(port), **options}.items()]
        configuration = home / "pgbouncer.ini"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(["[databases]", f"* = {to}", "[pgbouncer]", *lines, ""]))
        if account:
            os.chown(configuration, account.pw_uid, account.pw_gid)
        with Child("pgbouncer", [program, configuration], log=folder / "pgbouncer.log", account=account) as child:
            child.wait_until(lambda: is_listening(port))
            yield parts._replace(netloc=f"{parts.username}:unused@127.0.0.1:{port}").geturl()
