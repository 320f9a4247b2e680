"""What operators read stays cheap where there is much of it: listed days are looked up, rows of outages estimated."""

from typing import Any

import pytest
from sqlalchemy import event

from notifier.notifications import Status
from notifier.outbox import Change, Report, Retention, read_gauges
from tests.outbox.history.history import at, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import recorded
from tests.outbox.test_plans import nodes


@pytest.fixture
def retention(rows: Rows) -> Retention:
    return Retention(rows.engine, keep_days=0)


def raising(rows: Rows, route: str, *, days_ago: int | None = None, tried_again: bool = False) -> None:
    """A notification whose route raises: it failed, or is tried again for the third time."""
    ids = recorded(rows, [b"{}"], route=route, at=at(days_ago) if days_ago else None)
    for to in [Status.PENDING, Status.PENDING if tried_again else Status.FAILED]:
        change = Change(ids[0], to, failed=True, delay=0.0 if to is Status.PENDING else None, reason="KeyError")
        assert rows.attempts().decide([change]) == set(ids)


def counted(failing: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    return {row["route"]: (row["failed"], row["retried"]) for row in failing}


def test_failing_routes_of_listed_days_and_of_today_are_one(rows: Rows, retention: Retention) -> None:
    raising(rows, "broken", days_ago=3)
    raising(rows, "old", days_ago=4, tried_again=True)
    recorded(rows, [b"{}"] * 3, at=at(3))
    settled(retention)
    raising(rows, "broken", days_ago=3)  # after the day was listed
    raising(rows, "broken", tried_again=True)
    raising(rows, "broken")
    newest = rows.all("SELECT notification_id FROM notifications ORDER BY 1 DESC LIMIT 1")[0]["notification_id"]

    found = Report(rows.engine).failing(7)

    assert counted(found) == {"broken": (3, 1), "old": (0, 1)}
    assert found[0]["newest_id"] == newest


def test_only_the_events_of_what_failed_are_read(rows: Rows) -> None:
    raising(rows, "broken")
    ids = recorded(rows, [b"{}"] * 50)
    rows.attempts().decide([Change(id_, Status.SKIPPED) for id_ in ids])
    seen: list[tuple[str, Any]] = []
    event.listen(rows.engine, "before_cursor_execute", lambda _, __, *given: seen.append(given[:2]))

    assert counted(Report(rows.engine).failing(7)) == {"broken": (1, 0)}

    read_failures = [each for each in seen if each[0].startswith("WITH found")]
    with rows.engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {each}", to) for each, to in read_failures
        ]
        found = [node for plan in plans for node in nodes(plan.scalar_one())]
    read = sum(each["Actual Loops"] for each in found if each.get("Relation Name", "").startswith("delivery_events"))
    assert 0 < read < 50


def test_listed_days_are_not_read(rows: Rows, retention: Retention) -> None:
    """A delivery that no term names is not found: the triggers were off when it failed."""
    raising(rows, "broken", days_ago=3)
    settled(retention)
    rows.run("DELETE FROM search_terms")

    assert Report(rows.engine).failing(7) == []


def test_due_rows_are_exact_until_there_are_thousands_of_a_kind(rows: Rows) -> None:
    fill = (
        "INSERT INTO due (notification_id, kind, channel, due_at) SELECT gen_random_uuid(), :kind, "
        "(ARRAY['email', 'sms'])[1 + n % 2], now() + n * interval '1 second' FROM generate_series(1, :count) AS n"
    )
    rows.run(fill, kind="held", count=3)
    rows.run(fill, kind="retry", count=5_000)
    exact = {("email", "held"): 1, ("sms", "held"): 2, ("email", "retry"): 2_500, ("sms", "retry"): 2_500}
    assert read_gauges(rows.engine).due == exact

    rows.run(fill, kind="retry", count=45_000)

    due = read_gauges(rows.engine).due
    assert (due["email", "held"], due["sms", "held"]) == (1, 2)
    assert due["email", "retry"] == pytest.approx(25_000, rel=0.1)
    assert due["sms", "retry"] == pytest.approx(25_000, rel=0.1)
