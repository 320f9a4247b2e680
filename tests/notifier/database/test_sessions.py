"""Settings of every session, with Postgres itself and through PgBouncer."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest
from sqlalchemy import Engine, text

from notifier.database.engine import connect
from notifier.database.server import check_durable
from notifier.errors import SettingsError
from tests.conftest import administer
from tests.pooler import pgbouncer, running_pgbouncer

AT_COMMIT = """
CREATE TABLE commits (setting text, timeout text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.setting := current_setting('synchronous_commit'); NEW.timeout := current_setting('statement_timeout');
  RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE INSERT ON commits FOR EACH ROW EXECUTE FUNCTION note();
"""
INSERT = text("INSERT INTO commits DEFAULT VALUES RETURNING setting, timeout")


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with running_pgbouncer(program, database_url, tmp_path) as url:
        yield url


@pytest.fixture(params=["direct", "pooled"])
def url(request: pytest.FixtureRequest, database_url: str) -> str:
    administer(database_url, AT_COMMIT)
    return database_url if request.param == "direct" else str(request.getfixturevalue("pooled_url"))


@pytest.fixture
def forgetful(database_url: str) -> None:
    """A database whose sessions have synchronous_commit off by default."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    administer(database_url, f"ALTER DATABASE {name} SET synchronous_commit = off")


def engines(url: str) -> Iterator[Engine]:
    """An engine as bridges and commands use it, as the outbox uses it, and as workers use it."""
    for binary in (False, True):
        engine = connect(url, binary=binary, patience=77)
        yield engine
        yield engine.execution_options(isolation_level="AUTOCOMMIT")
        engine.dispose()


@pytest.mark.parametrize(("generic", "mode"), [(True, "force_generic_plan"), (False, "auto")])
def test_an_engine_may_plan_without_regard_to_values(url: str, generic: bool, mode: str) -> None:
    engine = connect(url, generic_plans=generic)
    for _ in range(2):  # behind a pooler each transaction makes the settings again
        with engine.connect() as connection:
            assert connection.execute(text("SHOW plan_cache_mode")).scalar_one() == mode
    engine.dispose()


TCP = text("""
SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),
       current_setting('tcp_keepalives_count'), current_setting('tcp_user_timeout')
""")


def test_the_server_ends_a_session_whose_client_cannot_be_reached(url: str) -> None:
    """It asks the kernel for these values, so they show what holds for the socket."""
    engine = connect(url)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(TCP).one() == ("5", "2", "3", "10000")
    engine.dispose()
    given = connect(url + "?options=-ctcp_keepalives_idle%3D60")
    with given.connect() as connection:
        assert connection.execute(TCP).one()[0] == "60"
    given.dispose()


@pytest.mark.usefixtures("forgetful")
def test_each_commit_waits_for_the_disk(url: str) -> None:
    """In each transaction of several sessions, also if the pooler changes the session in between."""
    for engine in engines(url):
        for _ in range(12):
            with engine.begin() as first, engine.begin() as second:
                held = [tuple(each.execute(INSERT).one()) for each in (first, second) for _ in range(2)]
            assert held == [("on", "77s")] * 4
    with psycopg.connect(url, autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM commits").fetchone() == (4 * 12 * 4,)


def test_a_stronger_setting_stays(url: str, database_url: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    administer(database_url, f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
    for engine in engines(url):
        with engine.begin() as connection:
            assert connection.execute(INSERT).one() == ("remote_apply", "77s")


def test_rows_that_are_fetched_in_parts_are_read_with_the_settings(url: str, database_url: str) -> None:
    administer(
        database_url, "CREATE SCHEMA apart; CREATE TABLE apart.numbers AS SELECT n FROM generate_series(1, 5) n"
    )
    engine = connect(f"{url}?options=-csearch_path%3Dapart", patience=77)
    query = text(
        "SELECT n, current_setting('statement_timeout'), current_setting('TimeZone') FROM numbers ORDER BY n"
    )
    for _ in range(3):
        with engine.connect().execution_options(yield_per=2) as connection:
            assert [tuple(row) for row in connection.execute(query)] == [(n, "77s", "UTC") for n in range(1, 6)]
    engine.dispose()


def test_a_statement_of_its_own_is_committed_and_one_that_fails_is_not(url: str) -> None:
    engine = connect(url)
    single = engine.execution_options(isolation_level="AUTOCOMMIT")
    with single.connect() as connection:
        connection.execute(INSERT)
        with pytest.raises(Exception, match="division by zero"):
            connection.execute(text("INSERT INTO commits SELECT 1 / 0"))
        connection.execute(INSERT)
    with engine.connect() as connection:  # and no more than that: it is not committed
        assert connection.scalar(text("SELECT count(*) FROM commits")) == 2
        connection.execute(INSERT)
    with single.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM commits")) == 2
    engine.dispose()


def test_what_postgres_refuses_in_a_transaction_runs_without_one(url: str) -> None:
    engine = connect(url)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE INDEX CONCURRENTLY by_setting ON commits (setting)")
        connection.execute(INSERT)
    engine.dispose()


def test_settings_do_not_stay_in_a_session_of_the_pooler(pooled_url: str, database_url: str) -> None:
    administer(database_url, AT_COMMIT)
    for engine in engines(pooled_url):
        with engine.begin() as connection:
            connection.execute(INSERT)
    with psycopg.connect(pooled_url, autocommit=True, prepare_threshold=None) as other:
        for _ in range(5):
            assert other.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_no_statement_is_prepared_twice_in_one_session(pooled_url: str) -> None:
    """Twenty clients repeat different statements at once, on few sessions."""
    failed: list[Exception] = []
    start = Barrier(20)

    def ask(number: int) -> None:
        engine = connect(pooled_url)
        try:
            start.wait()
            for _ in range(30):
                with engine.begin() as connection:
                    assert connection.scalar(text(f"SELECT {number}")) == number
        except Exception as error:  # noqa: BLE001
            failed.append(error)
        finally:
            engine.dispose()

    threads = [Thread(target=ask, args=(number,)) for number in range(20)]
    with ExitStack() as stack:
        for each in threads:
            each.start()
            stack.callback(each.join)
    assert failed == []


def test_direct_sessions_prepare_and_cost_one_round_trip_more(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        assert driver.prepare_threshold == 5
        assert driver.cursor_factory is psycopg.Cursor
    engine.dispose()


def test_a_server_that_may_lose_commits_is_refused(database_url: str) -> None:
    engine = connect(database_url)
    with pytest.raises(SettingsError, match=r"fsync=off.*NOTIFIER_ALLOW_NONDURABLE_DATABASE"):
        check_durable(engine)
    check_durable(engine, allowed=True)
    engine.dispose()


def test_statements_are_prepared_if_the_pooler_renames_them(database_url: str, tmp_path: Path) -> None:
    """PgBouncer 1.21 and later does, if it is told how many it may keep."""
    program = pgbouncer()
    if program is None or version(program) < (1, 21):
        pytest.skip("needs PgBouncer 1.21 or later: NOTIFIER_TEST_PGBOUNCER=/path/to/pgbouncer")
    for kept, threshold in (("50", 5), ("0", None)):
        with running_pgbouncer(program, database_url, tmp_path, max_prepared_statements=kept) as url:
            engine = connect(url)
            with engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert isinstance(driver, psycopg.Connection)
                assert driver.prepare_threshold == threshold
                for number in range(200):  # more than psycopg keeps: it closes some
                    assert connection.scalar(text(f"SELECT {number % 120}")) == number % 120
            engine.dispose()


def version(program: Path) -> tuple[int, ...]:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(each) for each in told.split()[1].split("."))
