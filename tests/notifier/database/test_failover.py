"""Sessions with a server that takes no more writes are closed, and new ones find the one that does."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Engine, text

from notifier.database.engine import connect, on_connect
from notifier.database.errors import DatabaseError, cause, is_away, unreachable
from notifier.database.server import server_of
from notifier.errors import SettingsError
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from tests.pooler import pgbouncer, running_pgbouncer
from tests.waiting import wait_until

SESSIONS = 3
WRITE = text("INSERT INTO written DEFAULT VALUES")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    with embedded_postgres(tmp_path, durable=False) as server:
        administer(server, "CREATE TABLE written (at timestamptz DEFAULT now())")
        yield server


@pytest.fixture
def engine(server: PostgresServer) -> Iterator[Engine]:
    """An engine whose pool has open sessions."""
    engine = connect(server.url(), pool_size=SESSIONS)
    with ExitStack() as stack:
        for _ in range(SESSIONS):
            stack.enter_context(engine.connect())
    yield engine
    engine.dispose()


def administer(server: PostgresServer, *statements: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())


def demote(server: PostgresServer) -> None:
    """Make open sessions read-only; new ones may write, as after a failover of the address."""
    administer(
        server,
        "ALTER ROLE postgres SET default_transaction_read_only = off",
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    )


def write_each(engine: Engine) -> list[str]:
    """Write in as many sessions at once as the pool has; return the errors."""
    wrong = []
    with ExitStack() as stack:
        for _ in range(SESSIONS):
            try:
                stack.enter_context(engine.begin()).execute(WRITE)
            except DatabaseError as error:
                wrong.append(cause(error))
    return wrong


def refuses_to_write(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(text("SHOW default_transaction_read_only")) == "on")


def test_one_refused_write_discards_all_sessions_of_a_demoted_server(server: PostgresServer, engine: Engine) -> None:
    demote(server)
    wait_until(lambda: refuses_to_write(engine))
    with pytest.raises(DatabaseError) as caught, engine.begin() as connection:
        connection.execute(WRITE)
    assert cause(caught.value) == "ReadOnlySqlTransaction 25006"
    assert is_away(caught.value)
    assert write_each(engine) == []


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_a_restart_costs_one_error(server: PostgresServer, engine: Engine, mode: str) -> None:
    server.restart(mode)  # type: ignore[arg-type]
    with pytest.raises(DatabaseError) as caught, engine.begin() as connection:
        connection.execute(WRITE)
    assert is_away(caught.value)
    assert write_each(engine) == []


def test_a_session_that_the_server_ended_counts_as_away(server: PostgresServer, engine: Engine) -> None:
    """Also if its SQLSTATE is of no class for that: a transaction that was idle for too long."""
    with pytest.raises(DatabaseError) as caught, engine.begin() as connection:  # noqa: PT012
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        wait_until(lambda: not runs(server, pid))
        connection.execute(WRITE)
    assert cause(caught.value) == "IdleInTransactionSessionTimeout 25P03"
    assert is_away(caught.value)


def runs(server: PostgresServer, pid: int) -> bool:
    with psycopg.connect(server.url()) as connection:
        return connection.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() is not None


def test_of_several_hosts_the_one_that_takes_writes_is_used(server: PostgresServer, tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, durable=False) as second:
        parts = urlsplit(server.url())
        administer(
            second,
            f"ALTER ROLE postgres PASSWORD '{parts.password}'",
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "SELECT pg_reload_conf()",
        )
        hosts = f"127.0.0.1:{second.port},127.0.0.1:{server.port}"
        engine = connect(parts._replace(netloc=f"{parts.username}:{parts.password}@{hosts}").geturl())
        assert port(engine) == server.port

        administer(server, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        writable = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{second.port}").geturl()
        with psycopg.connect(writable, autocommit=True, options="-c default_transaction_read_only=off") as other:
            other.execute("ALTER SYSTEM RESET default_transaction_read_only")
            other.execute("SELECT pg_reload_conf()")
        wait_until(lambda: refuses_to_write(engine))
        with pytest.raises(DatabaseError), engine.begin() as connection:
            connection.execute(WRITE)
        wait_until(lambda: port(engine) == second.port)
        engine.dispose()


def port(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT inet_server_port()")) or 0)


def test_an_error_names_all_hosts_and_no_password() -> None:
    engine = connect("postgresql://us:secret@127.0.0.1:1,127.0.0.1:2/notifier?connect_timeout=2")
    with pytest.raises(DatabaseError) as caught:
        engine.connect()
    said = str(unreachable(engine, caught.value))  # type: ignore[arg-type]
    assert "us:***@127.0.0.1:1,127.0.0.1:2/notifier" in said
    assert "secret" not in said


@pytest.mark.parametrize("hosts", ["one:5432,two:x", "one,,two", "one, two"])
def test_a_list_of_hosts_that_cannot_be_read_is_refused(hosts: str) -> None:
    with pytest.raises(SettingsError, match="host1:5432,host2:5432"):
        connect(f"postgresql://us:secret@{hosts}/notifier")


def test_a_failover_behind_a_pooler_is_detected_on_the_same_connection(
    server: PostgresServer, tmp_path: Path
) -> None:
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with running_pgbouncer(program, server.url(), tmp_path) as url:
        engine, connections = connect(url, pool_size=1), []
        on_connect(engine, lambda: connections.append(1))
        before = server_of(engine)
        assert before.takes_writes
        server.restart()
        wait_until(lambda: answers(engine), seconds=20)
        after = server_of(engine)
        engine.dispose()
    assert after.started_at > before.started_at
    assert connections == [1]


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_server_says_whether_it_takes_writes(server: PostgresServer, setting: str) -> None:
    administer(server, f"ALTER SYSTEM SET default_transaction_read_only = {setting}", "SELECT pg_reload_conf()")
    engine = connect(server.url())
    assert wait_until(lambda: server_of(engine).takes_writes is (setting == "off"))
    engine.dispose()


def answers(engine: Engine) -> bool:
    try:
        server_of(engine)
    except DatabaseError:
        return False
    return True
