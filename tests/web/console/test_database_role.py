"""Every page can be shown with the login `notifier_console`."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, event

from notifier.outbox.roles import grant_roles
from notifier.settings import ConsoleSettings
from tests.outbox.rows import Rows
from tests.web.console.person import Person
from tests.web.console.test_pages import poison
from web.console.app import Console, application
from web.console.server import console_engine


@pytest.fixture
def app(settings: ConsoleSettings, engine: Engine) -> Iterator[object]:
    """The console's own engine is logged in with the role; `rows` writes as the owner."""
    grant_roles(engine)
    own = console_engine(settings)

    @event.listens_for(own, "connect")
    def _(connection: psycopg.Connection, record: object) -> None:
        connection.execute(b"SET SESSION AUTHORIZATION notifier_console")
        connection.commit()

    yield application(settings, own)
    own.dispose()


def test_every_page_is_shown(console: Console, rows: Rows, admin: Person) -> None:
    rows.pending(3)
    poison(rows)
    console.watch.sample()
    console.watch.prove()
    for each in console.endpoints:
        if each.method == "GET" and "{" not in each.path:
            answer = admin.get(each.path)
            assert answer.status_code == 200, (each.path, answer.text)
