"""Every test gets servers that no other test has touched."""

import logging

import psycopg
import pytest
import redis
import structlog

from notifier.settings import Settings
from notifier.telemetry import configure_logging

LOGGER = structlog.get_logger()
GIVEN = {"database_url": "postgresql://h/d", "broker_url": "redis://h", "log_level": "debug"}


@pytest.mark.parametrize("turn", [1, 2])
def test_the_database_has_our_schema_and_nothing_else(database_url, turn):
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        connection.execute("CREATE TABLE left_behind ()")


@pytest.mark.parametrize("turn", range(17))
def test_the_broker_is_empty(broker_url, turn):
    with redis.Redis.from_url(broker_url) as connection:
        assert connection.dbsize() == 0
        connection.set("left_behind", turn)


@pytest.mark.parametrize("turn", [1, 2])
def test_logging_is_as_the_process_began(turn):
    assert logging.getLogger().level == logging.WARNING
    configure_logging(Settings.model_validate(GIVEN), process="test")


@pytest.mark.parametrize("turn", [1, 2])
def test_a_logger_that_a_configured_process_has_used_is_captured_by_the_next_test(turn):
    with structlog.testing.capture_logs() as logs:
        LOGGER.warning("seen")
    assert [each["event"] for each in logs] == ["seen"]
    configure_logging(Settings.model_validate(GIVEN), process="test")
    LOGGER.warning("used")
