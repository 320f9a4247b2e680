"""The forms of the URL of Postgres, and the errors for malformed ones."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from notifier.cli.migrate import _grant
from notifier.database.engine import connect
from notifier.database.schema import OLDEST_PROGRAM, alembic_configuration, check_schema, migrate, schema_head
from notifier.database.url import DatabaseUrl, shown
from notifier.errors import SchemaOutdated, SettingsError
from tests.conftest import GivenPostgres, administer
from tests.pooler import pgbouncer, running_pgbouncer


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://u:p@h/d", "h", None),
        ("postgres://u:p@h:1/d", "h", "1"),
        ("POSTGRESQL+psycopg://u:p@h:1/d", "h", "1"),
        ("postgresql://u:p@[::1]:1/d", "::1", "1"),
        ("postgresql://u:p@h1:1,h2:2/d", "h1,h2", "1,2"),
        ("postgresql://u:p@h1,h2/d", "h1,h2", "5432,5432"),
        ("postgresql://u:p@[::1]:1,h2/d", "::1,h2", "1,5432"),
        ("postgresql://u:p@/d?host=h1:1,h2:2", "h1,h2", "1,2"),
        ("postgresql://u:p@/d?host=h1:1&host=h2:2", "h1,h2", "1,2"),
        ("postgresql://u:p@/d?host=h1,h2&port=1,2", "h1,h2", "1,2"),
        ("postgresql://u:p@/d?host=h1,h2&port=1", "h1,h2", "1,1"),
        ("postgresql:///d?user=u&password=p&host=h1,h2", "h1,h2", "5432,5432"),
        ("postgresql://u:p@unused/d?host=h", "h", None),
        ("postgresql://u:p@h/d?port=1", "h", "1"),
        ("postgresql://u:p@%2Frun%2Fpg/d", "/run/pg", "5432"),
        ("postgresql://u:p@/d?host=/run/pg", "/run/pg", "5432"),
        ("postgresql://u:p@/d", None, None),
    ],
)
def test_one_host_or_several(url: str, host: str | None, port: str | None) -> None:
    address = DatabaseUrl.of(url)
    read = address.url.translate_connect_args() | dict(address.url.query)
    assert (read.get("host"), read.get("port") and str(read["port"])) == (host, port)
    assert (address.url.username, address.url.password, address.url.database) == ("u", "p", "d")
    several = "," in (host or "")
    assert address.options == ({"target_session_attrs": "read-write"} if several else {})
    assert "p@" not in shown(address.url)
    assert shown(address.url).startswith("postgresql://")


@pytest.mark.parametrize("password", ["a@b", "a#b", "a;b", "a:b", "a&b=c", "a%2Fb", "a%3Fb%20c", "a%25b", "ä"])
def test_a_password_of_odd_characters(password: str) -> None:
    from urllib.parse import unquote

    for form in ("postgresql://u:{}@h:1/d", "postgresql://u:{}@h:1,h2:2/d?sslmode=require"):
        address = DatabaseUrl.of(form.format(password))
        assert address.url.password == unquote(password)
        assert address.url.username == "u"
        assert password not in shown(address.url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("host/database", "is not a URL"),
        ("mysql://u:hush@h/d", "must start with postgresql://"),
        ("postgresql://u:hu/sh@h/d", "an @ behind its host"),
        ("postgresql://u:12/hush@h/d", "an @ behind its host"),
        ("postgresql://u:12?hush@h/d", "an @ behind its host"),
        ("postgresql://u:12?a=hush@h/d", "an @ behind its host"),
        ("postgresql://u:hu sh@h/d", "white space"),
        ("postgresql://u:hush%00@h/d", "control character"),
        ("postgresql://u:p@h:hush/d", "port is not a number"),
        ("postgresql://u:p@h:99999/d", "port is not a number"),
        ("postgresql://u:p@/d?host=h1,h2&port=1,2,3", "as many as there are hosts"),
        ("postgresql://u:p@h/d?port=hush", "port is not a number"),
        ("postgresql://u:p@h/d?sslmode=require&sslmode=hush", "given twice"),
        ("postgresql://u:p@h/d?hush", "not a list"),
        ("postgresql://u:p@h/d?ssl=hush", "invalid connection option"),
        ("postgresql://u:p@h/d?options=hush", "list of settings"),
    ],
)
def test_a_malformed_url_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_DATABASE_URL") as refused:
        connect(url)
    assert says in str(refused.value)
    assert "hush" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.fixture
def empty_url(postgres_server: GivenPostgres) -> Iterator[str]:
    administer(postgres_server.url(), "CREATE DATABASE of_forms")
    yield postgres_server.url("of_forms")
    administer(postgres_server.url(), "DROP DATABASE of_forms WITH (FORCE)")


OPTIONS = ["-csearch_path=x", "-c%20search_path%3Dx,public", "-c+search_path=x+-c+work_mem=4MB", "--search-path=x"]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
def test_tables_are_created_in_the_schema_of_the_url(
    empty_url: str, tmp_path: Path, options: str, pooled: bool
) -> None:
    administer(empty_url, "CREATE SCHEMA x")
    if not pooled:
        assert_lands(empty_url, options)
        return
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with running_pgbouncer(program, empty_url, tmp_path) as url:
        assert_lands(url, options)


def assert_lands(url: str, options: str) -> None:
    joined = f"{url}{'&' if '?' in url else '?'}options={options}"
    engine = connect(joined)
    with engine.begin() as connection:
        for _ in range(2):
            assert connection.scalar(text("SELECT current_schema()")) == "x"
        connection.execute(text("CREATE TABLE landed ()"))
    with engine.connect() as connection:
        found = (
            connection.execute(text("SELECT schemaname FROM pg_tables WHERE tablename = 'landed'")).scalars().all()
        )
        assert found == ["x"]
    engine.dispose()


def test_a_schema_of_its_own_contains_all_tables(empty_url: str) -> None:
    administer(empty_url, "CREATE SCHEMA x")
    migrate(f"{empty_url}?options=-csearch_path=x")
    with psycopg.connect(empty_url) as connection:
        rows = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^pg_|^inf'")
        assert rows.fetchall() == [("x",)]
    engine = connect(f"{empty_url}?options=-csearch_path=x")
    check_schema(engine)
    engine.dispose()


@pytest.mark.parametrize("path", ["x", "x,public", "%22x%22"])
def test_a_missing_schema_is_not_replaced_by_another(empty_url: str, path: str) -> None:
    with pytest.raises(SettingsError, match=r"search_path.*CREATE SCHEMA"):
        migrate(f"{empty_url}?options=-csearch_path%3D{path}")
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


@pytest.mark.parametrize(
    "option", ["-cserch_path=x", "-cwork_mem=much", "-clog_connections=on", "-cshared_buffers=1MB"]
)
def test_an_option_that_no_session_can_set(empty_url: str, option: str) -> None:
    with pytest.raises(SettingsError, match="options in NOTIFIER_DATABASE_URL cannot be set") as refused:
        migrate(f"{empty_url}?options={option}")
    assert len(str(refused.value).splitlines()) == 1


@pytest.fixture
def login_url(empty_url: str) -> Iterator[str]:
    """The URL of a login that may connect and nothing else."""
    administer(empty_url, "CREATE ROLE newcomer LOGIN PASSWORD 'hush'")
    parts = urlsplit(empty_url)
    yield parts._replace(netloc=f"newcomer:hush@{parts.netloc.rpartition('@')[2]}").geturl()
    administer(empty_url, "DROP OWNED BY newcomer")
    administer(empty_url, "DROP ROLE newcomer")


def test_the_error_for_a_login_without_a_schema_has_the_remedy(login_url: str, empty_url: str) -> None:
    administer(empty_url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(SettingsError) as refused:
        migrate(login_url)
    assert "GRANT USAGE, CREATE ON SCHEMA public TO newcomer" in str(refused.value)
    assert "hush" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    administer(empty_url, "GRANT USAGE, CREATE ON SCHEMA public TO newcomer")
    migrate(login_url)


def test_the_error_for_a_login_that_may_not_use_a_schema_has_the_remedy(login_url: str, empty_url: str) -> None:
    administer(empty_url, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    with pytest.raises(SettingsError, match="GRANT USAGE, CREATE ON SCHEMA"):
        migrate(login_url)


def test_a_login_that_may_not_create_roles(login_url: str, empty_url: str) -> None:
    administer(empty_url, "GRANT USAGE, CREATE ON SCHEMA public TO newcomer")
    migrate(login_url)
    with pytest.raises(SettingsError, match="CREATEROLE"):
        _grant(login_url, {})


def test_a_database_of_a_newer_program_is_recognised(empty_url: str) -> None:
    migrate(empty_url)
    administer(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    administer(empty_url, "COMMENT ON TABLE alembic_version IS 'oldest program: 9998'")
    engine = connect(empty_url)
    for act in (lambda: check_schema(engine), lambda: migrate(empty_url)):
        with pytest.raises(SchemaOutdated, match="newer Notifier") as refused:
            act()
        assert "9999" in str(refused.value)
        assert "needs a program that has 9998" in str(refused.value)
        assert str(schema_head()) in str(refused.value)
        assert "run `notifier migrate`" not in str(refused.value)
    engine.dispose()


def test_a_newer_database_that_names_this_program_is_used_and_not_migrated(empty_url: str) -> None:
    migrate(empty_url)
    administer(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    engine = connect(empty_url)
    check_schema(engine)
    with pytest.raises(SchemaOutdated, match="newer Notifier"):
        migrate(empty_url)
    administer(empty_url, "COMMENT ON TABLE alembic_version IS NULL")
    with pytest.raises(SchemaOutdated, match="needs a program that has 9999"):
        check_schema(engine)
    engine.dispose()


def test_the_oldest_program_is_one_of_the_migrations() -> None:
    found = [each.revision for each in ScriptDirectory.from_config(alembic_configuration()).walk_revisions()]
    assert OLDEST_PROGRAM in found


def test_an_older_database_still_asks_for_the_migration(empty_url: str) -> None:
    older = [each.revision for each in ScriptDirectory.from_config(alembic_configuration()).walk_revisions()][1]
    migrate(empty_url)
    administer(empty_url, f"UPDATE alembic_version SET version_num = '{older}'")
    engine = connect(empty_url)
    with pytest.raises(SchemaOutdated, match="run `notifier migrate`"):
        check_schema(engine)
    engine.dispose()
