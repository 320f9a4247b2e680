"""What a route may return to be called again."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from notifier import Later

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "moment"),
    [
        (timedelta(hours=2), datetime(2026, 6, 1, 14, tzinfo=UTC)),
        (timedelta(seconds=-60), datetime(2026, 6, 1, 11, 59, tzinfo=UTC)),
        (datetime(2026, 6, 2, 9, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 6, 2, 7, tzinfo=UTC)),
    ],
)
def test_a_time_or_a_duration_is_a_moment_in_utc(until: datetime | timedelta, moment: datetime) -> None:
    assert Later(until).moment(NOW) == moment
    assert Later(until).moment(NOW).tzinfo is UTC


@pytest.mark.parametrize("until", [datetime(2026, 1, 1), 60, "tomorrow", None])  # noqa: DTZ001
def test_what_is_no_time_is_refused(until: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Later(until)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "until", [timedelta.max, timedelta(days=4000), datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))]
)
def test_a_time_that_is_too_far_away_is_refused(until: datetime | timedelta) -> None:
    with pytest.raises(ValueError, match="3,660 days"):
        Later(until).moment(NOW)


@pytest.mark.parametrize("until", [timedelta(seconds=-61), timedelta.min, NOW - timedelta(days=1)])
def test_a_time_that_is_over_is_refused(until: datetime | timedelta) -> None:
    """A route that returns the same time again and again is tried as often as its policy says, not every second."""
    with pytest.raises(ValueError, match=r"is over|days at most"):
        Later(until).moment(NOW)


def test_a_reason_is_text() -> None:
    with pytest.raises(TypeError):
        Later(timedelta(hours=1), reason=3)  # type: ignore[arg-type]
