"""PostgreSQL 18 from a wheel, on 127.0.0.1, for as long as a `with` block lasts."""

import itertools
import os
import pwd
import secrets
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal

import psycopg
from psycopg.errors import DuplicateDatabase
from psycopg.sql import SQL, Identifier

from notifier.errors import Unreachable
from sandbox.embedded.allocation import free_port, temporary_folder
from sandbox.embedded.kept import Kept
from sandbox.embedded.postgres_programs import copied_programs, postgres_programs
from sandbox.embedded.processes import Child

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Without the user's PG* variables, and with a locale that every machine has.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
Mode = Literal["fast", "immediate", "kill"]
_STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}


@contextmanager
def embedded_postgres(
    folder: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None, kept: Kept | None = None
) -> Iterator["PostgresServer"]:
    """A server. Its log is in `folder`, its data in a temporary folder, or from an earlier run in that of `kept`.

    If this process is root, the server runs as `nobody`, because Postgres refuses to run as root. `durable=False` is
    for tests: data are lost if the machine crashes. `settings` are added to its postgresql.conf. Raise Unreachable
    if it does not start.
    """
    programs = postgres_programs()
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with temporary_folder(account) as home:
        if account:
            programs = copied_programs(programs, home, account)
        data = (_entered(kept.home, account) if kept else home) / "data"
        server = PostgresServer(programs, data, folder / "postgres.log", account, kept)
        try:
            initialized = data.with_name("initialized")
            if not initialized.exists():
                shutil.rmtree(data, ignore_errors=True)  # an earlier initdb was interrupted
                server.initialize({**_SETTINGS, **({} if durable else _NOT_DURABLE), **(settings or {})})
                initialized.touch()
            server.start()
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A server, running or stopped. It keeps its port, password and data across restarts."""

    def __init__(
        self, programs: Path, data: Path, log: Path, account: pwd.struct_passwd | None, kept: Kept | None = None
    ) -> None:
        self.port = kept.port if kept else free_port()
        self._password = kept.password if kept else secrets.token_urlsafe(24)
        self._programs = programs
        self._data = data
        self._log = log
        self._account = account
        self._child: Child | None = None
        self.environment: dict[str, str] = {}
        """Variables of the server from its next start on, beside its own few."""

    def replica(self) -> "PostgresServer":
        """Return a streaming replica with a copy of the data, not started. The caller starts, promotes and stops it.

        Raise NotifierError if the copy fails.
        """
        data = next(each for n in itertools.count(2) if not (each := self._data.with_name(f"data-{n}")).exists())
        standby = PostgresServer(self._programs, data, self._log, self._account)
        standby._password = self._password
        address = f"host=127.0.0.1 port={self.port} user=postgres password={self._password}"
        words = [f"--dbname={address}", f"--pgdata={data}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        try:
            with self._run("pg_basebackup", *words) as child:
                child.finish(seconds=60.0)
        except BaseException:
            shutil.rmtree(data, ignore_errors=True)
            raise
        return standby

    def follow(self, port: int) -> None:
        """Let a replica that is not started connect to its primary at this port of 127.0.0.1."""
        address = f"host=127.0.0.1 port={port} user=postgres password={self._password}"
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{address}'\n")

    def promote(self) -> None:
        """Make a replica the primary."""
        self.execute("SELECT pg_promote()")

    def remove(self) -> None:
        """Kill it and delete its data."""
        self.stop("kill")
        deadline = time.monotonic() + 10.0
        while self._data.exists():  # sessions of a killed server write until they notice that it has ended
            shutil.rmtree(self._data, ignore_errors=time.monotonic() < deadline)

    def execute(self, *statements: str) -> None:
        """Run each statement in its own transaction, as the superuser."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for each in statements:
                connection.execute(each.encode())

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create a database, unless it exists."""
        with psycopg.connect(self.url(), autocommit=True) as connection, suppress(DuplicateDatabase):
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    @property
    def pid(self) -> int | None:
        """None while it is stopped."""
        return self._child.pid if self._child else None

    def restart(self, mode: Mode = "fast") -> None:
        """Stop and start it on the same port with the same data. After a stop that is not `fast` it recovers."""
        self.stop(mode)
        self.start()

    def start(self) -> None:
        deadline = time.monotonic() + 10.0
        while not self._start_once(deadline):
            time.sleep(0.05)

    def stop(self, mode: Mode = "fast") -> None:
        if self._child:
            self._child.stop(_STOP[mode])
            self._child = None

    def initialize(self, settings: dict[str, str]) -> None:
        """Create the data folder, with these settings in its postgresql.conf."""
        secret = self._data.with_name("password")
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if self._account:
            os.chown(secret, self._account.pw_uid, self._account.pw_gid)
        options = [f"--set={name}={value}" for name, value in settings.items() | {("port", str(self.port))}]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={secret}"]
        words = [f"--pgdata={self._data}", *options, *locale, *access, "--no-sync", "--no-instructions"]
        with self._run("initdb", *words) as child:
            child.finish(seconds=60.0)
        secret.unlink()

    def _run(self, program: str, *words: str | Path) -> Child:
        return Child(
            program,
            [self._programs / program, *words],
            log=self._log,
            env={**_ENVIRONMENT, **self.environment},
            cwd=self._data.parent,
            account=self._account,
            stop_signal=_STOP["fast"],
        )

    def _start_once(self, deadline: float) -> bool:
        """Start it. False if sessions of the killed server still run: until they end, no server can use the data."""
        self._child = self._run("postgres", "-D", self._data, "-p", str(self.port))
        try:
            return self._child.wait_until(partial(self._is_ready, self._child.pid), seconds=60.0)
        except Unreachable as error:
            if "pre-existing shared memory" in str(error) and time.monotonic() < deadline:
                return False
            raise

    def _is_ready(self, pid: int) -> bool:
        """Return whether it accepts connections, by the rule of pg_ctl: line 1 of postmaster.pid is the process, line
        8 its state. A replica is ready when it can be read.
        """
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(pid)] and lines[7:8] in (["ready   "], ["standby "])


def _entered(home: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the folder, which belongs to the account afterwards. Raise Unreachable if it cannot enter it."""
    if account:
        if closed := next((each for each in home.resolve().parents if not each.stat().st_mode & stat.S_IXOTH), None):
            raise Unreachable(
                f"Postgres runs as {account.pw_name}, who cannot enter {closed}: name a folder elsewhere"
            )
        os.chown(home, account.pw_uid, account.pw_gid)
    return home
