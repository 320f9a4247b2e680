"""Bridges that are configured for different tables, on one database."""

from collections import Counter

import pytest
from sqlalchemy import Engine

from notifier.outbox import Report
from tests.bridge.environment import BridgeEnvironment
from tests.sql import Sql
from tests.waiting import wait_until

ORDERS = {"tables": ("orders",), "routes": "tests.bridge.orders"}
COUNTED = """
SELECT st.table_name, sum(records_read)::int AS read, sum(records_notified)::int AS notified,
       sum(records_unrouted)::int AS unrouted, sum(records_quarantined)::int AS quarantined
FROM shards s JOIN streams st ON st.id = s.stream_id GROUP BY st.table_name
"""


def counted(engine: Engine, table: str) -> dict[str, int]:
    rows = {row.pop("table_name"): row for row in Sql(engine).all(COUNTED)}
    return rows.get(table, dict.fromkeys(("read", "notified", "unrouted", "quarantined"), 0))


def put_orders(environment: BridgeEnvironment, count: int, n: int = 0) -> None:
    items = [{"pk": f"order#{number}", "sk": "1", "type": "order", "n": n} for number in range(count)]
    environment.streams.post("put", table="orders", items=items)


def test_each_bridge_reads_its_own_tables_only(environment: BridgeEnvironment, engine: Engine) -> None:
    """Two bridges on one database, each with the routes of its own table: 80 events are 80 notifications."""
    environment.streams.post("tables", table="activity", shards=4)
    environment.streams.post("tables", table="orders", shards=4)
    with environment.bridge(), environment.bridge(**ORDERS):
        environment.put(range(40))
        put_orders(environment, 40)
        wait_until(lambda: sum(counted(engine, table)["read"] for table in ("activity", "orders")) == 80, seconds=30)

    for table in ("activity", "orders"):
        assert counted(engine, table) == {"read": 40, "notified": 40, "unrouted": 0, "quarantined": 0}
    routes = Sql(engine).all("SELECT table_name, route FROM notifications")
    assert Counter((row["table_name"], row["route"]) for row in routes) == {
        ("activity", "friend_request"): 40,
        ("orders", "order_placed"): 40,
    }


@pytest.mark.parametrize("first", [("activity",), ("activity", "orders")])
def test_a_table_that_is_not_configured_any_more_is_not_read(
    environment: BridgeEnvironment, engine: Engine, first: tuple[str, ...]
) -> None:
    """The bridge was configured for it before: nothing more of it is read, counted or lost."""
    environment.streams.post("tables", table="activity", shards=2)
    environment.streams.post("tables", table="orders", shards=2)
    with environment.bridge(tables=("activity", "orders"), routes="tests.bridge.both_tables"):
        put_orders(environment, 10)
        wait_until(lambda: counted(engine, "orders")["notified"] == 10, seconds=30)
    put_orders(environment, 10, n=1)
    environment.put(range(10))
    with environment.bridge(tables=first, routes="tests.bridge.both_tables"):
        wait_until(lambda: counted(engine, "activity")["notified"] == 10, seconds=30)
        if "orders" in first:
            wait_until(lambda: counted(engine, "orders")["read"] == 20, seconds=30)
    assert counted(engine, "orders")["read"] == (20 if "orders" in first else 10)


def test_what_a_bridge_without_the_tables_routes_reads_is_kept(
    environment: BridgeEnvironment, engine: Engine
) -> None:
    environment.streams.post("tables", table="orders", shards=2)
    put_orders(environment, 30)
    with environment.bridge(tables=("orders",)):
        wait_until(lambda: counted(engine, "orders")["read"] == 30, seconds=30)
    assert counted(engine, "orders") == {"read": 30, "notified": 0, "unrouted": 0, "quarantined": 30}
    assert "no route for the table orders" in Report(engine).quarantine()[0]["error"]
