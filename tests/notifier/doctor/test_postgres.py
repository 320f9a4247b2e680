"""What is wrong with a Postgres is found and named, each on a real server."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import create_engine

from notifier.database.engine import connect
from notifier.doctor.finding import Level
from notifier.doctor.postgres.connections import NEEDED
from notifier.doctor.postgres.disk import disk
from notifier.doctor.postgres.durability import standbys
from notifier.outbox import Partitions
from notifier.outbox.inspection.recent_days import RecentDay
from notifier.outbox.inspection.server import read_server
from notifier.outbox.roles import grant_roles
from sandbox.embedded.allocation import free_port
from tests.conftest import administer
from tests.notifier.doctor.conftest import Diagnose, LoginOf, as_login
from tests.pooler import pgbouncer, running_pgbouncer

POSTGRES = ("postgres", "connections", "schema", "rights", "days", "disk")


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def login(url: str) -> Iterator[str]:
    """A login of this test's own that has no right."""
    name = f"reader_{secrets.token_hex(4)}"
    administer(url, f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
    yield name
    administer(url, f"DROP OWNED BY {name}")
    administer(url, f"DROP ROLE {name}")


@contextmanager
def connections(url: str, count: int) -> Iterator[None]:
    """So many of another program."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(psycopg.connect(url))
        yield


def database_of(url: str) -> str:
    return urlsplit(url).path.strip("/")


def test_a_good_database(diagnose: Diagnose, url: str) -> None:
    found = diagnose(*POSTGRES, database_url=url, allow_nondurable_database="true")
    assert found.at(Level.WRONG) == []
    assert len(found.at(Level.GOOD)) >= 6
    found.the(Level.DOUBTFUL, "fsync=off", "NOTIFIER_ALLOW_NONDURABLE_DATABASE")  # true of the tests' own server


def test_no_database(diagnose: Diagnose) -> None:
    found = diagnose(*POSTGRES, database_url=f"postgresql://ana:secret@127.0.0.1:{free_port()}/notifier")
    assert "secret" not in found.the(
        Level.WRONG, "no database at postgresql://ana:***@127.0.0.1", "NOTIFIER_DATABASE_URL"
    )
    assert found.at(Level.UNKNOWN) == ["the rest was not checked: it needs a database that answers"]


def test_commits_that_a_crash_loses(diagnose: Diagnose, url: str) -> None:
    found = diagnose("postgres", database_url=url, allow_nondurable_database="false")
    found.the(Level.WRONG, "fsync=off", "Set fsync=on")


def test_a_server_that_takes_no_writes(diagnose: Diagnose, url: str) -> None:
    administer(url, f"ALTER DATABASE {database_of(url)} SET default_transaction_read_only = on")
    found = diagnose("postgres", database_url=url)
    found.the(Level.WRONG, "takes no writes", "name the primary")


@pytest.mark.parametrize(
    ("option", "level"),
    [
        ("lock_timeout", Level.DOUBTFUL),
        ("idle_session_timeout", Level.DOUBTFUL),
        ("transaction_timeout", Level.WRONG),
    ],
)
def test_a_timeout_that_ends_what_we_do(diagnose: Diagnose, url: str, option: str, level: Level) -> None:
    administer(url, f"ALTER DATABASE {database_of(url)} SET {option} = '3s'")
    diagnose("postgres", database_url=url).the(level, f"{option} is 3 s", f"SET {option} = 0")


def test_timeouts_that_each_session_sets_itself_are_no_finding(diagnose: Diagnose, url: str) -> None:
    administer(url, f"ALTER DATABASE {database_of(url)} SET statement_timeout = '1s'")
    assert "no timeout of the server ends what our processes do" in diagnose("postgres", database_url=url).at(
        Level.GOOD
    )


def test_no_schema(diagnose: Diagnose, url: str) -> None:
    administer(url, "DROP SCHEMA public CASCADE")
    administer(url, "CREATE SCHEMA public")
    found = diagnose("schema", "rights", "days", database_url=url)
    found.the(Level.WRONG, "the database schema is at nothing", "run `notifier migrate`")
    assert found.at(Level.UNKNOWN) == ["the rest was not checked: it needs this program's schema"]


def test_a_schema_of_a_newer_program(diagnose: Diagnose, url: str) -> None:
    administer(url, "UPDATE alembic_version SET version_num = '9999'")
    (found,) = [each.finding for each in diagnose("schema", database_url=url) if "schema" in each.finding.what]
    assert (found.level, found.what.endswith("runs on the schema")) == (Level.GOOD, True)
    administer(url, "COMMENT ON TABLE alembic_version IS 'oldest program: 9998'")
    diagnose("schema", database_url=url).the(Level.WRONG, "9999", "run that version here too")


def test_a_login_without_rights(diagnose: Diagnose, url: str, login: str) -> None:
    administer(url, f"GRANT SELECT ON alembic_version TO {login}")
    found = diagnose("rights", database_url=as_login(url, login))
    found.the(Level.WRONG, f"the login {login} may do the work of no process", "notifier migrate --roles")


def test_a_login_that_lacks_what_its_process_needs(diagnose: Diagnose, url: str, login: str) -> None:
    engine = connect(url)
    grant_roles(engine)
    engine.dispose()
    administer(url, f"GRANT notifier_worker TO {login}")
    good = diagnose("rights", database_url=as_login(url, login)).at(Level.GOOD)
    assert good == [f"the login {login} may do the work of worker; each process has a role of its own"]

    administer(url, "REVOKE UPDATE ON deliveries FROM notifier_worker")
    found = diagnose("rights", database_url=as_login(url, login))
    found.the(Level.WRONG, "lacks rights of notifier_worker: UPDATE ON deliveries", "notifier migrate --roles")


def test_too_few_connections(diagnose: Diagnose, url: str) -> None:
    administer(url, f"ALTER DATABASE {database_of(url)} CONNECTION LIMIT 10")
    found = diagnose("connections", database_url=url)
    found.the(Level.WRONG, "CONNECTION LIMIT of the database allows us 10 connections", str(sum(NEEDED.values())))


def test_the_limit_of_a_login_is_for_its_own_process_and_connections(
    diagnose: Diagnose, url: str, login_of: LoginOf
) -> None:
    worker = login_of("worker")
    name, needed = urlsplit(worker).username, NEEDED["worker"]
    administer(url, f"ALTER ROLE {name} CONNECTION LIMIT {needed}")
    with connections(url, 10):
        (good,) = diagnose("connections", database_url=worker).at(Level.GOOD)
    assert f"CONNECTION LIMIT of the login {name} allows us {needed} connections" in good
    assert good.endswith(f"{needed} are needed for one worker")

    administer(url, f"ALTER ROLE {name} CONNECTION LIMIT {needed + 1}")
    with connections(worker, 2):
        found = diagnose("connections", database_url=worker)
    found.the(Level.WRONG, "of which others have 2: too few for one worker", f"to {needed + 2} or more")


def test_the_limit_of_a_login_that_may_be_of_any_process_is_for_all(diagnose: Diagnose, url: str, login: str) -> None:
    administer(url, f"ALTER ROLE {login} CONNECTION LIMIT {NEEDED['bridge']}")
    found = diagnose("connections", database_url=as_login(url, login))
    found.the(Level.WRONG, f"of the login {login}", "one of each process", str(sum(NEEDED.values())))


def test_connections_of_other_databases_do_not_count_for_the_limit_of_this_one(
    diagnose: Diagnose, url: str, login: str
) -> None:
    needed = sum(NEEDED.values())
    administer(url, f"ALTER DATABASE {database_of(url)} CONNECTION LIMIT {needed + 3}")
    with connections(urlsplit(url)._replace(path="/postgres").geturl(), 10):
        found = diagnose("connections", database_url=as_login(url, login))
    assert f"CONNECTION LIMIT of the database allows us {needed + 3}" in found.at(Level.GOOD)[0]


def test_the_connections_of_the_processes_are_those_that_they_open() -> None:
    from bridge.bridge import LOOPS, POLLERS
    from web.console.app import POOL as PAGES
    from web.console.server import SLOW
    from web.preferences.app import POOL

    readiness, watch = 1, 1
    assert NEEDED["console"] == PAGES + watch + SLOW
    assert NEEDED["bridge"] == POLLERS + LOOPS + readiness
    assert NEEDED["preferences"] == POOL


@pytest.mark.parametrize(("last", "level"), [(0, Level.DOUBTFUL), (-1, Level.WRONG)])
def test_days_without_partitions(diagnose: Diagnose, url: str, last: int, level: Level) -> None:
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg"))
    today = datetime.now(UTC).date()
    Partitions(engine).ensure([today + timedelta(days=last)])
    engine.dispose()
    found = diagnose("days", database_url=url)
    found.the(level, "no partitions for", "tomorrow", "start a bridge")


def test_the_free_disk_against_what_a_day_takes() -> None:
    gigabyte = 10**9
    days = [RecentDay(offset, complete=True, bytes=gigabyte) for offset in range(-7, 1)]
    assert disk(2 * gigabyte, 8 * gigabyte, days, 90).level is Level.WRONG
    assert disk(50 * gigabyte, 8 * gigabyte, days, 90).level is Level.DOUBTFUL
    assert disk(50 * gigabyte, 60 * gigabyte, days, 90).level is Level.GOOD
    assert disk(90 * gigabyte, 8 * gigabyte, days, 0).level is Level.GOOD
    assert "90 days like" in disk(90 * gigabyte, 8 * gigabyte, days, 90).what


def test_a_failover_that_loses_commits(url: str) -> None:
    from dataclasses import replace

    engine = connect(url, pool_size=3)
    seen = read_server(engine)
    engine.dispose()
    assert list(standbys(seen)) == []
    (found,) = standbys(replace(seen, standbys=2))
    assert found.level is Level.DOUBTFUL
    assert list(standbys(replace(seen, standbys=2, options={"synchronous_standby_names": "a"}))) == []


@pytest.mark.skipif(pgbouncer() is None, reason="needs PgBouncer")
@pytest.mark.parametrize(("mode", "says"), [("transaction", "in transaction mode"), ("session", "in session mode")])
def test_which_pooler_is_between(diagnose: Diagnose, url: str, tmp_path: Path, mode: str, says: str) -> None:
    program = pgbouncer()
    assert program is not None
    with running_pgbouncer(program, url, tmp_path, pool_mode=mode) as pooled:
        found = diagnose("connections", "postgres", database_url=pooled)
    assert [each for each in found.at(Level.GOOD) if says in each]
    assert found.at(Level.WRONG) == []
