"""Quiet and business hours against the clock on the wall, minute by minute, also where it is put forward or back."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import business_hours, quiet_hours
from notifier.notifications import notification_id
from notifier.outbox import DueNotification
from notifier.timing.current import BUILT
from notifier.timing.hours import DAYS

ZONES = ("Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC")
"""Lord Howe's clock is changed by half an hour, Casablanca's four weeks apart."""

CHANGES = {zone: [] for zone in ZONES} | {
    "Europe/Lisbon": [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)],
    "America/New_York": [datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)],
    "Australia/Lord_Howe": [datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)],
    "Africa/Casablanca": [datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 3, 22, 2, tzinfo=UTC)],
}

MINUTE = timedelta(minutes=1)


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Whole minutes of 2026; more often than not within a day of a change of the clock."""
    near = CHANGES[zone] or [datetime(2026, 6, 1, tzinfo=UTC)]
    around = draw(st.sampled_from([*near, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC)]))
    return around + MINUTE * draw(st.integers(-1_500, 1_500))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, datetime, int, int]:
    zone = draw(st.sampled_from(ZONES))
    start, end = draw(st.lists(st.integers(0, 1_439), min_size=2, max_size=2, unique=True))
    return zone, draw(moments(zone)), start, end


def written(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


def within(at: datetime, zone: str, start: int, end: int, days: frozenset[int] = frozenset(range(7))) -> bool:
    wall = at.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    if start < end:
        return start <= minute < end and wall.weekday() in days
    return (minute >= start and wall.weekday() in days) or (minute < end and (wall.weekday() - 1) % 7 in days)


@given(cases())
def test_quiet_hours_end_at_the_first_minute_that_is_not_quiet(case: tuple[str, datetime, int, int]) -> None:
    zone, now, start, end = case
    until = quiet_hours(written(start, end), zone, now)
    if not within(now, zone, start, end):
        assert until is None
        return
    assert until is not None
    minutes = (now + MINUTE * number for number in range(3_000))
    quiet = list(takewhile(lambda at: within(at, zone, start, end), minutes))
    assert until == quiet[-1] + MINUTE
    assert quiet_hours(written(start, end), zone, until) is None


@given(cases(), st.sets(st.integers(0, 6), min_size=1))
def test_business_hours_begin_at_the_first_minute_that_is_open(
    case: tuple[str, datetime, int, int], days: set[int]
) -> None:
    zone, now, start, end = case
    until = business_hours(written(start, end), zone, now, days=[DAYS[each] for each in days])
    if within(now, zone, start, end, frozenset(days)):
        assert until is None
        return
    assert until is not None
    minutes = (now + MINUTE * number for number in range(1, 12_000))
    assert until == next(at for at in minutes if within(at, zone, start, end, frozenset(days)))


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        # Lisbon's clock goes from 00:59 to 02:00 on 29 March, and from 01:59 to 01:00 on 25 October.
        ("22:00-08:00", ("2026-03-28T23:00", 0), ("2026-03-29T08:00", 0)),
        ("22:00-01:30", ("2026-03-28T23:00", 0), ("2026-03-29T02:00", 0)),
        ("22:00-01:30", ("2026-10-24T23:00", 0), ("2026-10-25T01:30", 0)),
        ("22:00-01:30", ("2026-10-25T01:00", 1), ("2026-10-25T01:30", 1)),
        ("01:30-01:45", ("2026-10-25T01:40", 1), ("2026-10-25T01:45", 1)),
        ("09:00-17:00", ("2026-06-01T16:59:59.9", 0), ("2026-06-01T17:00", 0)),
    ],
)
def test_what_the_clock_on_the_wall_shows_decides(hours: str, now: tuple[str, int], until: tuple[str, int]) -> None:
    zone = "Europe/Lisbon"
    assert quiet_hours(hours, zone, local(zone, *now)) == local(zone, *until).astimezone(UTC)


def test_business_hours_wait_for_monday() -> None:
    friday = local("America/New_York", "2026-03-06T17:00")  # the clock is put forward on Sunday
    assert business_hours("09:00-17:00", "America/New_York", friday) == datetime(2026, 3, 9, 13, tzinfo=UTC)
    assert business_hours("00:00-24:00", "America/New_York", friday) is None


@pytest.mark.parametrize(
    "hours", ["", "8-22", "22:00-22:00", "24:00-08:00", "22:00-25:00", "00:00-24:00", "22:60-08:00"]
)
def test_hours_that_are_none_are_refused(hours: str) -> None:
    with pytest.raises(ValueError, match=r"hours|whole day"):
        quiet_hours(hours, "UTC", datetime.now(UTC))


def test_an_unknown_zone_a_time_without_one_and_days_that_are_none_are_refused() -> None:
    for zone in ("Lisbon", "", "../etc/passwd"):
        with pytest.raises(ValueError, match="time zone"):
            quiet_hours("22:00-08:00", zone)
    with pytest.raises(ValueError, match="with a time zone"):
        quiet_hours("22:00-08:00", "UTC", datetime(2026, 1, 1))  # noqa: DTZ001
    for days in ((), ("monday",), "mon"):
        with pytest.raises(ValueError, match="days"):
            business_hours("09:00-17:00", "UTC", days=days)


def test_in_a_worker_the_time_is_that_of_the_database_and_bringing_forward_ends_the_wait() -> None:
    event = datetime(2026, 6, 1, 20, tzinfo=UTC)
    id_ = notification_id("arn", "shard", "1", "a_route", int(event.timestamp() * 1000))
    due = DueNotification(id_, "a_route", "activity", b"", 0, age=2.5 * 3600)
    token = BUILT.set(due)
    try:
        assert quiet_hours("22:00-08:00", "UTC") == datetime(2026, 6, 2, 8, tzinfo=UTC)
        BUILT.set(DueNotification(id_, "a_route", "activity", b"", 0, age=2.5 * 3600, brought_forward=True))
        assert quiet_hours("22:00-08:00", "UTC") is None
        assert business_hours("09:00-10:00", "UTC") is None
    finally:
        BUILT.reset(token)


@pytest.mark.parametrize("zone", [None, 5])
def test_no_zone_is_an_error_that_says_so(zone: Any) -> None:
    with pytest.raises(ValueError, match=f"the zone is {zone!r}: give a name as Europe/Lisbon"):
        quiet_hours("22:00-08:00", zone, datetime(2026, 6, 1, tzinfo=UTC))
