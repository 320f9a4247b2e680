"""Hours at which nothing is sent, by the local time of a time zone. Pure if `now` is given.

    if until := quiet_hours("22:00-08:00", user.zone):
        return Later(until, reason="quiet hours")

The local time decides, also on the days on which clocks are put forward or back: an hour that occurs twice is quiet
twice, and quiet hours that end in an hour that is skipped end after it.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from notifier.timing.current import brought_forward, current_time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Allowed = Callable[[datetime], bool]
"""Whether a time that the clock on the wall shows, without a zone, is allowed."""


def quiet_hours(hours: str, zone: str | tzinfo, now: datetime | None = None) -> datetime | None:
    """Return when the quiet hours end, in UTC; None if it is not quiet.

        quiet_hours("22:00-08:00", "Europe/Lisbon")

    Raise ValueError for hours that are none, an unknown zone, or a time without one.

    Args:
        hours: Two times of the day; the second one is not quiet any more. `22:00-08:00` goes over midnight.
        zone: A name as `Europe/Lisbon`, or a tzinfo.
        now: A time with a time zone. None: the database's time. Then the result is also None for a notification that
            an operator brought forward.
    """
    start, end = _times(hours)
    if end - start == _DAY:
        raise ValueError(f"{hours!r} is the whole day: nothing would ever be sent")
    return _first(_zone(zone), now, lambda wall: not _within(wall, start, end, range(7)), (start, end))


def business_hours(
    hours: str,
    zone: str | tzinfo,
    now: datetime | None = None,
    *,
    days: Collection[str] = ("mon", "tue", "wed", "thu", "fri"),
) -> datetime | None:
    """Return when the business opens next, in UTC; None if it is open.

        business_hours("09:00-17:00", "America/New_York", days=["mon", "tue", "wed", "thu"])

    Raise ValueError as `quiet_hours` does, and for days that are none.

    Args:
        hours: As for `quiet_hours`. Hours over midnight belong to the day on which they begin; `24:00` is the end of
            a day.
        zone: As for `quiet_hours`.
        now: As for `quiet_hours`.
        days: The days of the week on which it opens.
    """
    start, end = _times(hours)
    open_days = _numbers(days)
    return _first(_zone(zone), now, lambda wall: _within(wall, start, end, open_days), (start, end))


def _within(wall: datetime, start: timedelta, end: timedelta, days: Collection[int]) -> bool:
    """Return whether the hours, of one of these days, contain the time."""
    at = wall - datetime.combine(wall.date(), time())
    if start < end:
        return start <= at < end and wall.weekday() in days
    return (at >= start and wall.weekday() in days) or (at < end and (wall.weekday() - 1) % 7 in days)


def _first(zone: tzinfo, now: datetime | None, allowed: Allowed, marks: Sequence[timedelta]) -> datetime | None:
    """Return the first time after `now` that is allowed, in UTC. `allowed` changes at the marks of each day, or
    where the clock is changed, and nowhere else. None if `now` is allowed.
    """
    if now is None:
        if brought_forward():
            return None
        now = current_time()
    if now.utcoffset() is None:
        raise ValueError("a time with a time zone is needed, as datetime.now(UTC)")
    at = now.astimezone(UTC)
    if allowed(_wall(at, zone)):
        return None
    while not allowed(_wall(at, zone)):
        at = _next(at, zone, marks)
    return at


def _next(at: datetime, zone: tzinfo, marks: Sequence[timedelta]) -> datetime:
    """Return the first time after `at`, in UTC, at which the clock on the wall shows a mark or is changed."""
    wall = _wall(at, zone)
    midnight = datetime.combine(wall.date(), time())
    ahead = [midnight + day * _DAY + mark - wall for day in (0, 1) for mark in (*marks, _DAY)]
    to = at + min(each for each in ahead if each > timedelta())
    return _changed(at, to, zone) if _offset(to, zone) != _offset(at, zone) else to


def _changed(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return when the clock was changed between the two times, to the second."""
    was = _offset(before, zone)
    before = before.replace(microsecond=0)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        before, after = (middle, after) if _offset(middle, zone) == was else (before, middle)
    return after.replace(microsecond=0)


def _wall(at: datetime, zone: tzinfo) -> datetime:
    return at.replace(tzinfo=None) + _offset(at, zone)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101  narrows the type
    return offset


def _zone(zone: str | tzinfo) -> tzinfo:
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except TypeError:
        raise ValueError(f"the zone is {zone!r}: give a name as Europe/Lisbon") from None
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone!r}; one is called Europe/Lisbon") from None


def _times(hours: str) -> tuple[timedelta, timedelta]:
    found = _HOURS.fullmatch(hours)
    start, end = (
        (timedelta(hours=int(found[n]), minutes=int(found[n + 1])) for n in (1, 3)) if found else (_DAY, _DAY)
    )
    if start >= _DAY or end > _DAY or start == end:
        raise ValueError(f"{hours!r} are no hours: write two different times, as 22:00-08:00")
    return start, end


def _numbers(days: Collection[str]) -> frozenset[int]:
    unknown = [each for each in days if each not in DAYS]
    if isinstance(days, str) or unknown or not days:
        raise ValueError(f"the days must be some of {', '.join(DAYS)}")
    return frozenset(map(DAYS.index, days))
