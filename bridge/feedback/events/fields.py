"""Fields that the events of every provider have: our tags, the provider's id of the message, its diagnosis. Pure."""

import re
from typing import TypeGuard
from uuid import UUID

MOST_ID = 256
"""Characters of an id or a name of the provider that are stored."""
MOST_DETAIL = 500
"""Characters of a diagnosis that are stored."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ATTEMPT = re.compile(r"[1-9][0-9]{0,8}")


def notification_of(tag: str) -> UUID | None:
    """Return the id of the notification that our tag gives; None if the tag is none of ours."""
    return UUID(tag) if _UUID.fullmatch(tag) else None


def attempt_of(tag: str) -> int | None:
    """Return the number of the attempt that our tag gives; None if the tag is none of ours."""
    return int(tag) if _ATTEMPT.fullmatch(tag) else None


def is_storable(value: object) -> TypeGuard[str]:
    """Return whether the value is an id or a name that can be stored: text of 1 to `MOST_ID` printable characters."""
    return isinstance(value, str) and 0 < len(value) <= MOST_ID and value.isprintable()


def detail_of(diagnosis: str) -> str:
    """Return a diagnosis on one line, cut to what is stored."""
    return " ".join(diagnosis.split())[:MOST_DETAIL]
