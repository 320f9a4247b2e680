"""The pages on a database of the test's own, under the login that they have in production."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import Engine, event
from starlette.applications import Starlette

from notifier.database.engine import connect
from notifier.outbox.roles import grant_roles
from notifier.settings import PreferencesSettings, read_settings
from notifier.unsubscribe import Subscription, UnsubscribeLinks
from tests.outbox.conftest import rows
from web.preferences.app import Preferences, application
from web.preferences.server import preferences_of

__all__ = ["rows"]

SECRET = "s" * 32
ANA = Subscription("email", "ana@example.com", "news")
TOPICS = """
sender = "Example Shop"
[topics.news]
name = "News"
description = "What is new, once a month"
channels = ["email"]
translations.de = {name = "Neuigkeiten", description = "Was neu ist, einmal im Monat"}
[topics.offers]
name = "Offers"
description = "Prices that hold for a few days"
[topics.tips]
name = "Tips"
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """That of the owner of the tables."""
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PreferencesSettings:
    (tmp_path / "topics.toml").write_text(TOPICS)
    for name, value in {
        "DATABASE_URL": database_url,
        "UNSUBSCRIBE_URL": "https://mail.example.com/u",
        "UNSUBSCRIBE_KEYS": "k" * 32,
        "PREFERENCES_SECRET": SECRET,
        "ERASURE_KEYS": "a key of erasures",
        "TOPICS": str(tmp_path / "topics.toml"),
    }.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", value)
    return read_settings(PreferencesSettings)


@pytest.fixture
def preferences(settings: PreferencesSettings, engine: Engine) -> Iterator[Preferences]:
    grant_roles(engine)
    made = preferences_of(settings)

    @event.listens_for(made.engine, "connect")
    def _(connection: psycopg.Connection, record: object) -> None:
        connection.execute(b"SET SESSION AUTHORIZATION notifier_preferences")
        connection.commit()

    yield made
    made.engine.dispose()


@pytest.fixture
def app(preferences: Preferences) -> Starlette:
    return application(preferences)


@pytest.fixture
def links(preferences: Preferences) -> UnsubscribeLinks:
    return preferences.links


@pytest.fixture
def path(links: UnsubscribeLinks) -> Callable[[Subscription], str]:
    """The path of a link, as a proxy passes it on."""
    return lambda subscription: links.url(subscription).removeprefix("https://mail.example.com")


@pytest.fixture
def visitor(served: str) -> Iterator[httpx.Client]:
    """A client that has no cookie and follows no redirect."""
    with httpx.Client(base_url=served, trust_env=False, timeout=30) as client:
        yield client
