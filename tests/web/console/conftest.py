"""The console on a database of the test's own: signed-in clients, and a server for a browser."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from notifier.settings import ConsoleSettings, read_settings
from tests.outbox.conftest import rows
from tests.web.console.person import Person
from web.console.access.role import Role, User
from web.console.app import POOL, Console, application
from web.console.server import console_engine

__all__ = ["rows"]


@pytest.fixture(autouse=True)
def without_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test asks for more pages at once than a person."""
    monkeypatch.setenv("NOTIFIER_CONSOLE_PAGES_PER_SECOND", "0")


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    return read_settings(ConsoleSettings)


@pytest.fixture
def engine(settings: ConsoleSettings) -> Iterator[Engine]:
    engine = console_engine(settings)
    assert POOL > 1
    yield engine
    engine.dispose()


@pytest.fixture
def app(settings: ConsoleSettings, engine: Engine) -> Starlette:
    return application(settings, engine)


@pytest.fixture
def console(app: Starlette) -> Console:
    console: Console = app.state.console
    return console


@pytest.fixture
def signed_in(served: str, console: Console) -> Iterator[Callable[[Role], Person]]:
    """Signs somebody in with a role: `signed_in(Role.VIEWER).get("/")`, `.post("/path", field=...)`."""

    with ExitStack() as clients:

        def sign_in(role: Role) -> Person:
            token, session = console.authentication.sessions.open(User(f"a {role.label}", role, "test"))
            client = clients.enter_context(httpx.Client(base_url=served, trust_env=False, timeout=60))
            client.cookies.set(console.authentication.cookie.name, token)
            return Person(client, session)

        yield sign_in


@pytest.fixture
def anybody(served: str) -> Iterator[httpx.Client]:
    """A client that is not signed in."""
    with httpx.Client(base_url=served, trust_env=False) as client:
        yield client


@pytest.fixture
def viewer(signed_in: Callable[[Role], Person]) -> Person:
    return signed_in(Role.VIEWER)


@pytest.fixture
def operator(signed_in: Callable[[Role], Person]) -> Person:
    return signed_in(Role.OPERATOR)


@pytest.fixture
def admin(signed_in: Callable[[Role], Person]) -> Person:
    return signed_in(Role.ADMIN)
