"""Reading all suppressions, on a real database."""

from sqlalchemy import Engine

from notifier.outbox import Suppressions
from tests.sql import Sql


def test_all_are_exported_in_order_and_no_transaction_waits_for_a_slow_reader(engine: Engine) -> None:
    Sql(engine).run(
        "INSERT INTO suppressions (channel, address, topic, reason, actor)"
        " SELECT (ARRAY['email', 'sms'])[i % 2 + 1], (i / 6)::text, (ARRAY['', '*', 'news'])[i % 3 + 1],"
        " 'manual', 'eva'"
        " FROM generate_series(0, 4998) AS i"
    )
    exported = Suppressions(engine, actor="eva").export("for the test")
    found = []
    for row in exported:
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        found.append((row["channel"], row["address"], row["topic"]))
    assert len(found) == len(set(found)) == 4999
    kept = Sql(engine).all("SELECT channel, address, topic FROM suppressions ORDER BY channel, address, topic")
    assert found == [tuple(row.values()) for row in kept]
