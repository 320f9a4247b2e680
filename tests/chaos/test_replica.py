"""The replica of the chaos run: what it keeps and loses, and that another one follows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from notifier.database.engine import connect
from notifier.database.errors import DatabaseError
from sandbox.embedded.postgres import embedded_postgres
from tests.chaos.faults.proxy import Proxy
from tests.chaos.faults.replica import PROMPT, Replicated
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@contextmanager
def replicated(folder: Path, *, synchronous: bool) -> Iterator[tuple[Replicated, str]]:
    """Yields it, and the URL of its address, which moves with the primary."""
    with embedded_postgres(folder, settings=PROMPT) as server, Proxy(server.port) as address:

        def move(port: int) -> None:
            address.target = port
            address.cut_all()

        with Replicated(server, synchronous=synchronous, moved=move) as found:
            yield found, server.url().replace(f":{server.port}/", f":{address.port}/")


def test_a_synchronous_replica_keeps_every_commit_through_two_failovers(tmp_path: Path) -> None:
    with replicated(tmp_path, synchronous=True) as (pair, url):
        assert pair.replica
        engine = connect(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE kept (number int PRIMARY KEY)")
        number = confirmed = 0
        for _ in range(2):
            for _ in range(50):
                number += 1
                with engine.begin() as connection:
                    connection.exec_driver_sql(f"INSERT INTO kept VALUES ({number})")
                confirmed += 1
            pair.fail_over()
            wait_until(lambda: writes(engine), seconds=15)
            assert pair.replica
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM kept WHERE number > 0").scalar() == confirmed
        engine.dispose()


def writes(engine: object) -> bool:
    try:
        with engine.begin() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("CREATE TEMP TABLE t () ON COMMIT DROP")
    except DatabaseError:
        return False
    return True


def test_an_asynchronous_replica_loses_the_last_two_seconds_and_no_more(tmp_path: Path) -> None:
    with replicated(tmp_path, synchronous=False) as (pair, url):
        replica = pair.replica
        pair.primary.execute("CREATE TABLE kept (number int PRIMARY KEY)", "INSERT INTO kept VALUES (1)")
        wait_until(lambda: count(replica.url()) == 1)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO kept VALUES (2)")
        pair.fail_over()
        assert count(pair.primary.url()) == 1


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute("SELECT count(*) FROM kept").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
    return int(row[0]) if row else 0
