"""Ids of notifications as people type them: whole, or their first characters if no other id begins with them."""

from collections.abc import Sequence
from uuid import UUID

from notifier.errors import UsageError
from notifier.outbox import Report

_DIGITS = 32
_MOST_SHOWN = 5


def bounds(given: str) -> tuple[UUID, UUID]:
    """Return the smallest and the largest id that begin with these characters. Raise UsageError if no id can."""
    try:
        whole = UUID(given)
    except ValueError:
        pass
    else:
        return whole, whole
    digits = given.strip().replace("-", "").lower()
    if not digits or len(digits) >= _DIGITS or digits.strip("0123456789abcdef"):
        raise UsageError(f"{given!r} is not the id of a notification, nor the beginning of one")
    return UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))


def resolved(report: Report, given: Sequence[str]) -> tuple[UUID, ...]:
    """Return the notification that each of these names, each once. Raise UsageError if one names none, or several."""
    ranges = [(each, *bounds(each)) for each in given]  # all typing errors come before the database is asked
    return tuple(dict.fromkeys(_the_one(report, *each) for each in ranges))


def matching(report: Report, given: Sequence[str], limit: int) -> tuple[UUID, ...]:
    """Return all notifications that begin with one of these, at most `limit` of each.

    Raise UsageError if one of these names none.
    """
    found: dict[UUID, None] = {}
    for each, first, last in [(each, *bounds(each)) for each in given]:
        ids = report.ids(first, last, limit)
        if not ids:
            raise UsageError(_unknown(each))
        found |= dict.fromkeys(ids)
    return tuple(found)


def _the_one(report: Report, given: str, first: UUID, last: UUID) -> UUID:
    found = report.ids(first, last, _MOST_SHOWN + 1)
    if not found:
        raise UsageError(_unknown(given))
    if len(found) > 1:
        several = ", ".join(map(str, found[:_MOST_SHOWN])) + (", ..." if len(found) > _MOST_SHOWN else "")
        raise UsageError(f"{given} is the beginning of more than one id: {several}; give more of it")
    return found[0]


def _unknown(given: str) -> str:
    return f"there is no notification {given}; see: notifier list --all"
