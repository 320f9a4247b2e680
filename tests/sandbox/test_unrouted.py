"""Records that no route claims, in the terminal of `notifier up`."""

from sqlalchemy import Engine

from sandbox.unrouted import Unrouted
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "rows"]


def test_new_ones_are_told_once_a_minute_with_their_number(engine: Engine, rows: Rows) -> None:
    (table,) = [each["table_name"] for each in rows.all("SELECT table_name FROM streams")]
    seconds = 0.0
    watched = Unrouted(engine, lambda: [table, "other"], lambda: seconds)

    def unrouted(count: int) -> list[str]:
        rows.run(
            "UPDATE shards SET records_read = records_read + :n, records_unrouted = records_unrouted + :n", n=count
        )
        return [line.partition("\n")[0] for line in watched.lines()]

    rows.run("UPDATE shards SET records_read = 5, records_unrouted = 5")
    assert unrouted(0) == []  # they were there before
    assert unrouted(1) == [f"{table}: no route claims 1 record"]
    assert unrouted(1_500) == []
    seconds = 60.0
    assert unrouted(0) == [f"{table}: no route claims 1,500 records"]
    seconds = 200.0
    assert unrouted(0) == []
