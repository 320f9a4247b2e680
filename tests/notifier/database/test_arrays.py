"""Ids as a parameter in binary form: Postgres reads what was given."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from notifier.database.arrays import uuids
from notifier.database.engine import connect
from tests.pooler import pgbouncer, running_pgbouncer

READ = text("SELECT CAST(:ids AS uuid[]), pg_typeof(CAST(:ids AS uuid[]))::text")
JOINED = text("""
SELECT array_agg(each.id ORDER BY each.number), (CAST(:ids AS uuid[]))[1:1]
FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS each (id, number)
WHERE each.id = ANY(CAST(:ids AS uuid[]))
""")
SOME = [UUID(int=0), UUID(int=2**128 - 1), UUID(int=16), *(uuid4() for _ in range(500))]


@pytest.fixture(params=["direct", "pooled"])
def url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    if request.param == "direct":
        yield database_url
        return
    if (program := pgbouncer()) is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with running_pgbouncer(program, database_url, tmp_path) as pooled:
        yield pooled


@pytest.fixture(params=[False, True], ids=["text", "binary"])
def any_engine(request: pytest.FixtureRequest, url: str) -> Iterator[Engine]:
    engine = connect(url, binary=request.param, generic_plans=request.param)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("ids", [[], SOME[:1], SOME], ids=["none", "one", "many"])
def test_ids_arrive_as_they_were_given(any_engine: Engine, ids: list[UUID]) -> None:
    """Also by a statement that is prepared, which it is after some uses."""
    for _ in range(8):
        with any_engine.connect() as connection:
            assert tuple(connection.execute(READ, {"ids": uuids(ids)}).one()) == (ids, "uuid[]")
            joined = connection.execute(JOINED, {"ids": uuids(iter(ids)), "numbers": [*range(len(ids))]}).one()
    assert tuple(joined) == (ids or None, ids[:1])
