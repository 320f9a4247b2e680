"""How many days are kept if processes have different settings, or none."""

import pytest
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from notifier.outbox import Retention
from notifier.outbox.history.period import RetentionPeriod
from tests.outbox.history.history import day, partitions, recorded, settled
from tests.outbox.rows import Rows

OLD = 100


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ([(90, False)], [90]),
        ([(365, True), (90, False), (90, True)], [365, 365, 365]),
        ([(90, True), (365, True), (90, False)], [90, 365, 365]),
        ([(90, False), (30, True), (90, False), (30, True)], [90, 30, 90, 30]),  # a default is not recorded
        ([(0, True), (90, False), (365, True)], [0, 0, 0]),
        ([(365, True), (0, True), (365, True)], [365, 0, 0]),
        ([(365, True), (0, False)], [365, 0]),
    ],
)
def test_the_largest_explicit_setting_of_all_processes_is_kept(
    rows: Rows, wanted: list[tuple[int, bool]], kept: list[int]
) -> None:
    assert [RetentionPeriod(rows.engine, days, explicit=explicit).agreed_days() for days, explicit in wanted] == kept


@pytest.mark.parametrize("others", [365, 0])
@pytest.mark.parametrize("explicit", [False, True])
def test_a_bridge_with_a_smaller_setting_or_none_deletes_nothing(rows: Rows, others: int, explicit: bool) -> None:
    recorded(rows, OLD)
    rows.run("INSERT INTO dead_letters (raw, error, received_at) VALUES ('x', 'odd', now() - interval '100 days')")
    settled(Retention(rows.engine, others, explicit=True))
    bridge = Retention(rows.engine, 90, explicit=explicit)
    with capture_logs() as logs:
        settled(bridge)
    assert day(OLD) in partitions(rows)
    assert rows.one("SELECT count(*) AS letters FROM dead_letters") == {"letters": 1}
    assert (bridge.old_days(), bridge.old_rows().get("dead_letters", 0)) == ([], 0)
    assert [each["kept"] for each in logs if each["log_level"] == "warning"] == [others or "all"]


@pytest.mark.parametrize(
    "call",
    ["empty_day(current_date - 100, 90)", "forget_rows('operations', 90, 10)", "empty_day(current_date - 100, 3)"],
)
@pytest.mark.parametrize("others", [365, 0])
def test_no_statement_deletes_with_a_smaller_number(rows: Rows, call: str, others: int) -> None:
    RetentionPeriod(rows.engine, others, explicit=True).agreed_days()
    with pytest.raises(DBAPIError, match=r"too young|not forgotten"):
        rows.run(f"SELECT {call}")


def test_an_operator_reduces_the_days_to_keep_and_that_is_recorded(rows: Rows) -> None:
    recorded(rows, OLD)
    settled(Retention(rows.engine, 0, explicit=True))
    operator = Retention(rows.engine, 90, explicit=True)
    operator.period.shorten("the disk is full")
    settled(operator)
    assert day(OLD) not in partitions(rows)
    entries = rows.all("SELECT scope, reason FROM operations WHERE action = 'keep days' ORDER BY id")
    assert entries == [{"scope": "0", "reason": None}, {"scope": "90", "reason": "the disk is full"}]


@pytest.mark.parametrize("days", [1, 2, -1])
def test_a_number_below_three_days_is_refused(rows: Rows, days: int) -> None:
    with pytest.raises(DBAPIError):
        RetentionPeriod(rows.engine, days, explicit=True).agreed_days()
