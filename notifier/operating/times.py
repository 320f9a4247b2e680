"""Times as people type them, and as they are shown: in UTC."""

from datetime import UTC, datetime

DEFAULT_DAYS = 7
"""How far back commands and pages look unless another time is given."""
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""Years of events, with room for what is added to a time or taken from it."""


def in_utc(given: str) -> datetime:
    """Return the time that a user typed, in UTC unless it has an offset.

    Raise ValueError or OverflowError if it is none, or of a year that no event has.
    """
    found = of_an_event(datetime.fromisoformat(given))
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def of_an_event(found: datetime) -> datetime:
    """Return the time if an event can be of its year. Raise ValueError if none can: sums with it could overflow."""
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"no event is of the year {found.year}")
    return found


def in_words(at: datetime) -> str:
    """Return the time to the second, as `2026-01-31 12:00:00 UTC`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
