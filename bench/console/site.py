"""A console as users run it: a process of its own, with a local user who has signed in."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from bench.measure.processes import Usage
from notifier.errors import NotifierError
from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child
from sandbox.system import notifier_process
from web.console.access.passwords import hashed
from web.console.access.role import Role
from web.console.access.users import StoredUser, UserFile

_NAME, _PASSWORD = "bench", "only for this benchmark"
_SESSIONS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'notifier console'
"""
_NONCE = re.compile(r'name="nonce" value="([^"]+)"')


class WrongAnswer(NotifierError):
    """A page answered with an error, or did not answer: its time says nothing."""

    def __init__(self, address: str, answer: object) -> None:
        super().__init__(f"{address} answered {answer}")


@dataclass(frozen=True, slots=True)
class Site:
    """The process of a console, and a client that is signed in as an admin."""

    child: Child
    client: httpx.Client
    database: str

    def cpu(self) -> float:
        """Seconds of CPU so far of the process, and of its sessions with Postgres, which it keeps open."""
        with psycopg.connect(self.database) as connection:
            sessions = [row[0] for row in connection.execute(_SESSIONS)]
        return Usage.of(self.child.pid, *sessions).cpu

    def get(self, address: str) -> httpx.Response:
        """Return a whole answer. Raise WrongAnswer for an error, or a redirect to the login."""
        try:
            answer = self.client.get(address)
        except httpx.HTTPError as error:
            self.child.check()
            raise WrongAnswer(address, type(error).__name__) from None
        if answer.status_code >= 400 or answer.headers.get("location", "").startswith("/login"):  # noqa: PLR2004
            raise WrongAnswer(address, answer.status_code)
        return answer


@contextmanager
def running_console(folder: Path, environment: Mapping[str, str]) -> Iterator[Site]:
    """A console with these settings. Its log and its file of users are in `folder`."""
    users, port = folder / "console-users", free_port()
    UserFile(users).put(StoredUser(_NAME, Role.ADMIN, hashed(_PASSWORD)))
    settings = {"NOTIFIER_CONSOLE_USERS": str(users), "NOTIFIER_CONSOLE_PORT": str(port)}
    with (
        notifier_process("console", ["console"], folder, {**environment, **settings}) as child,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60.0) as client,
    ):
        child.wait_until(lambda: _answers(client), 60.0)
        _sign_in(client)
        yield Site(child, client, environment["NOTIFIER_DATABASE_URL"])


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/login").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _sign_in(client: httpx.Client) -> None:
    nonce = _NONCE.search(client.get("/login").text)
    form = {"name": _NAME, "password": _PASSWORD, "nonce": nonce[1] if nonce else ""}
    answer = client.post("/login", data=form)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise WrongAnswer("/login", answer.status_code)
