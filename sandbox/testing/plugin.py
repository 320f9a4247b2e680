"""The plugin for pytest. It is loaded in every test run, so what the fixtures need is imported when one is used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.testing.variables import LOCAL_ONLY

if TYPE_CHECKING:
    from sandbox.testing.pipeline import Pipeline
    from sandbox.testing.servers import TestServers


@pytest.fixture(scope="session")
def notifier_servers(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[TestServers]":
    """Postgres, Redis and the SES simulator, started once for all tests."""
    from sandbox.testing.servers import test_servers

    with test_servers(tmp_path_factory.mktemp("notifier")) as servers:
        yield servers


@pytest.fixture
def notifier_settings() -> dict[str, Any]:
    """The settings of `pipeline`, by their names without NOTIFIER_. Override it: `routes` must be among them."""
    raise pytest.UsageError(
        "the fixture `pipeline` needs your routes: define a fixture notifier_settings, which returns "
        '{"routes": "your.module"}, in conftest.py'
    )


@pytest.fixture
def pipeline(
    notifier_servers: "TestServers", notifier_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> "Iterator[Pipeline]":
    """The whole way of an event, in this process: see `sandbox.testing.pipeline.Pipeline`."""
    from sandbox.testing.pipeline import pipeline

    for name, value in LOCAL_ONLY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pipeline(notifier_servers, notifier_settings) as made:
        yield made
