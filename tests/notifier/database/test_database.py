import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from notifier.database.engine import connect
from notifier.database.errors import DatabaseError, cause, is_away
from notifier.database.schema import check_schema, schema_head
from notifier.errors import SchemaOutdated
from tests.conftest import administer
from tests.waiting import wait_until


@pytest.fixture
def empty_url(postgres_server: object) -> Iterator[str]:
    administer(postgres_server.url(), "CREATE DATABASE to_migrate")  # type: ignore[attr-defined]
    yield postgres_server.url("to_migrate")  # type: ignore[attr-defined]
    administer(postgres_server.url(), "DROP DATABASE to_migrate WITH (FORCE)")  # type: ignore[attr-defined]


def start_migration(url: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"NOTIFIER_DATABASE_URL": url, "NOTIFIER_BROKER_URL": "redis://unused"}
    return subprocess.Popen([sys.executable, "-m", "notifier", "migrate"], env=environment, stdout=subprocess.DEVNULL)


def test_several_migrations_at_once_are_one(empty_url: str) -> None:
    engine = connect(empty_url)
    with pytest.raises(SchemaOutdated, match="run `notifier migrate`"):
        check_schema(engine)

    migrations = [start_migration(empty_url) for _ in range(4)]

    assert [each.wait(60) for each in migrations] == [0] * 4
    check_schema(engine)
    engine.dispose()


def test_a_migration_waits_for_the_one_before_it(empty_url: str) -> None:
    with psycopg.connect(empty_url) as other:
        other.execute("SELECT pg_advisory_lock(31084793213380965)")  # as a migration that is under way
        second = start_migration(empty_url)
        wait_until(lambda: waiting_for_lock(empty_url), seconds=30)
        assert second.poll() is None
        other.execute("SELECT pg_advisory_unlock_all()")
    assert second.wait(60) == 0


def waiting_for_lock(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
    return row == (1,)


def test_the_folder_of_the_migrations_does_not_shadow_the_library() -> None:
    root = Path(__file__).parents[3]
    assert not (root / "alembic" / "__init__.py").exists()
    assert schema_head() is not None


def raised(url: str, *statements: str, **values: object) -> DatabaseError:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement), values)
    except DatabaseError as error:
        return error
    finally:
        engine.dispose()
    raise AssertionError("no error")


def test_a_demoted_primary_counts_as_away(database_url: str) -> None:
    error = raised(database_url, "SET transaction_read_only = on", "CREATE TABLE t ()")
    assert is_away(error)
    assert cause(error) == "ReadOnlySqlTransaction 25006"


def test_an_exhausted_pool_counts_as_away(database_url: str) -> None:
    engine = connect(database_url, pool_size=1)
    engine.pool._timeout = 0  # type: ignore[attr-defined]
    with engine.connect(), pytest.raises(DatabaseError) as caught:
        engine.connect()
    engine.dispose()
    assert is_away(caught.value)
    assert cause(caught.value) == "TimeoutError"


def test_a_server_that_is_down_counts_as_away() -> None:
    error = raised("postgresql://postgres@127.0.0.1:1/postgres", "SELECT 1")
    assert is_away(error)
    assert "refused" in cause(error).lower()


def test_an_error_shows_no_values(database_url: str) -> None:
    error = raised(database_url, "SELECT CAST(:to AS text), 1 / 0", to="ana@example.com")
    assert not is_away(error)
    assert "ana@example.com" not in str(error)
    quoting = raised(database_url, "SELECT CAST(CAST(:to AS text) AS int)", to="ana@example.com")
    assert cause(quoting) == "InvalidTextRepresentation 22P02"
