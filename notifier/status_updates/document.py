"""A status update as a JSON document: version 1 of its schema, which docs/status-updates.md describes. Pure."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notifier.notifications import created_ms

VERSION = 1
"""Of the schema. It grows if a field changes its meaning or goes; new fields may come without that."""

_VERSION_8 = 8 << 76  # RFC 9562: a layout of our own
_VARIANT = 0b10 << 62
_CLEAR = ~((0xF << 76) | (0b11 << 62))
_ADDRESS = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")
_NUMBER = re.compile(r"\+\d[\d ()./-]{5,}\d")


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A change of a delivery's status. `number` counts the updates of its notification from 1.

    `keys` are the keys of the item as DynamoDB writes them: `{"pk": {"S": "user#7"}}`. `recipient` is None unless
    personal data was asked for. `at` is when the status changed.
    """

    notification_id: UUID
    number: int
    status: str
    table: str
    keys: dict[str, Any]
    event: str
    route: str
    channel: str
    attempt: int
    at: datetime
    reason: str | None = field(default=None, repr=False)
    recipient: str | None = field(default=None, repr=False)

    @property
    def id(self) -> UUID:
        """The id by which a receiver recognizes an update that comes twice."""
        return update_id(self.notification_id, self.number, self.status)


def update_id(notification_id: UUID, number: int, status: str) -> UUID:
    """Return the id of an update. It depends on nothing else, so that an update that is sent again has the same.

    The status is a part of it: a failover may lose the change that had this number, and then another has the number.
    """
    digest = hashlib.blake2b(f"{notification_id}\0{number}\0{status}".encode(), digest_size=16).digest()
    return UUID(int=int.from_bytes(digest, "big") & _CLEAR | _VERSION_8 | _VARIANT)


def document(update: StatusUpdate, *, personal: bool) -> dict[str, Any]:
    """Return the update as its receivers get it.

    Without `personal` there is no recipient, and addresses and phone numbers in the reason are replaced: a provider
    may quote them.
    """
    made = {
        "version": VERSION,
        "id": str(update.id),
        "notification_id": str(update.notification_id),
        "number": update.number,
        "status": update.status,
        "reason": update.reason if personal else discreet_reason(update.reason),
        "attempt": update.attempt,
        "at": _written(update.at),
        "table": update.table,
        "keys": update.keys,
        "event": update.event,
        "event_at": _written(datetime.fromtimestamp(created_ms(update.notification_id) / 1000, UTC)),
        "route": update.route,
        "channel": update.channel,
    }
    return {**made, "recipient": update.recipient} if personal else made


def discreet_reason(reason: str | None) -> str | None:
    """Return the reason without mail addresses and phone numbers."""
    return reason and _NUMBER.sub("…", _ADDRESS.sub("…", reason))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
