from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from notifier.settings import load_settings
from workers import wiring


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://unused")
    caches = (load_settings, wiring.engine)
    for each in caches:
        each.cache_clear()
    yield
    wiring.engine().dispose()
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("environment")
def test_each_thread_of_a_worker_has_its_connection() -> None:
    engine = wiring.engine()
    engine.pool._timeout = 1  # type: ignore[attr-defined]
    with ExitStack() as connections:
        for _ in range(24):
            connections.enter_context(engine.connect())
