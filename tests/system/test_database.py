"""The whole path through a pooler, and on a database whose sessions became read-only."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from examples.activity import sample_items
from sandbox.demo.demo import run_demo
from sandbox.system import TABLE, System, clean_environment
from tests.pooler import pgbouncer, running_pgbouncer
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

EVENTS = 300

EACH_COMMIT_WAITS = """
CREATE FUNCTION waits_for_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('synchronous_commit') <> 'on' OR current_setting('statement_timeout') = '0' THEN
    RAISE EXCEPTION 'a write to % with synchronous_commit = %', TG_TABLE_NAME, current_setting('synchronous_commit');
  END IF;
  RETURN NULL;
END $$;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' LOOP
    EXECUTE format('CREATE TRIGGER waits_for_disk BEFORE INSERT OR UPDATE OR DELETE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION waits_for_disk()', name);
  END LOOP;
END $$;
ALTER DATABASE notifier SET synchronous_commit = off;
"""


@pytest.fixture
def through_pooler(system: System, tmp_path: Path) -> Iterator[System]:
    """A database whose sessions do not wait for the disk unless they ask for it, behind PgBouncer."""
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    administer(system, EACH_COMMIT_WAITS)
    with running_pgbouncer(program, system.postgres.url("notifier"), tmp_path) as url:
        system.options["NOTIFIER_DATABASE_URL"] = url
        yield system
        system.processes.close()


def administer(system: System, *statements: str) -> None:
    with psycopg.connect(system.postgres.url("notifier"), autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())


def test_the_whole_path_through_pgbouncer(through_pooler: System) -> None:
    result = run_demo(through_pooler, EVENTS, lambda *_: None)
    assert result.exact
    assert (result.records, result.delivered, result.unknown) == (EVENTS, EVENTS, 0)
    assert [each for each in through_pooler.new_warnings() if "superuser privileges" not in each] == []


def test_migrations_through_pgbouncer(through_pooler: System) -> None:
    """Four at once: each waits for the one before it, though its session may be another's by then."""
    through_pooler.postgres.create_database("empty")
    url = through_pooler.environment["NOTIFIER_DATABASE_URL"].replace("/notifier", "/empty")
    environment = {**clean_environment(), "NOTIFIER_DATABASE_URL": url}
    migrations = [
        subprocess.Popen([sys.executable, "-m", "notifier", "migrate"], env=environment, stdout=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert [each.wait(120) for each in migrations] == [0] * 4


def test_events_are_recorded_soon_after_the_sessions_became_read_only(system: System) -> None:
    """As behind an address that moved to the new primary while the old one goes on as a standby."""
    system.start("bridge", "bridge")
    system.start("worker", "worker", "email")
    list(system.table(TABLE).write(sample_items(50)))
    wait_until(lambda: system.ses.accepted() == 50, seconds=60)

    administer(
        system,
        "ALTER ROLE postgres SET default_transaction_read_only = off",
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    )
    list(system.table(TABLE).write(islice(sample_items(100), 50, None)))

    wait_until(lambda: system.ses.accepted() == 100, seconds=15)
    assert sorted(system.ses.recipients()) == sorted(set(system.ses.recipients()))
