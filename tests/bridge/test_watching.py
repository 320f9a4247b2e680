"""Lag is told long before records are lost, and a full outbox slows the reading down."""

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from bridge.brake import SLOW_SECONDS, Brake
from bridge.lag import LagWatch
from notifier.outbox import Publications, Report
from tests.bridge.test_leases import many, open_shards, register
from tests.outbox.rows import Rows
from tests.sql import Sql


def told(engine: Engine) -> list[str]:
    with capture_logs() as logs:
        LagWatch(Report(engine)).run_once()
    return [line["log_level"] for line in logs]


@pytest.mark.parametrize(
    ("behind", "level"),
    [("50 s", []), ("2 min", ["warning"]), ("61 min", ["error"]), ("7 h", ["critical"])],
)
def test_lag_is_told_by_its_size_also_of_a_shard_that_nobody_reads(
    engine: Engine, behind: str, level: list[str]
) -> None:
    register(engine, *many(3))
    Sql(engine).run("UPDATE shards SET caught_up_at = now()")
    sql = "UPDATE shards SET caught_up_at = now() - CAST(:behind AS interval) WHERE shard_id = 'shard-01'"
    Sql(engine).run(sql, behind=behind)
    assert told(engine) == level


def test_a_child_is_behind_from_the_moment_it_could_be_read(engine: Engine) -> None:
    register(engine, *open_shards("p"), *open_shards("c", parent="p"))
    Sql(engine).run("UPDATE shards SET discovered_at = now() - interval '2 h'")
    Sql(engine).run("UPDATE shards SET caught_up_at = now() WHERE shard_id = 'p'")
    assert told(engine) == []
    Sql(engine).run("UPDATE shards SET state = 'finished', finished_at = now() WHERE shard_id = 'p'")
    assert told(engine) == ["error"]


def test_reading_slows_down_while_the_outbox_is_full(rows: Rows, engine: Engine) -> None:
    brake = Brake(Publications(engine), high_water=15)
    rows.pending(10)
    brake.measure()
    assert brake.seconds == 0.0
    rows.pending(10)
    brake.measure()
    assert brake.seconds == SLOW_SECONDS
    rows.run("DELETE FROM publications")
    brake.measure()
    assert brake.seconds == 0.0
