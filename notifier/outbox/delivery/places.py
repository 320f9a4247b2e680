"""The places of limits: which notifications count against the limit of a recipient, and since when.

An attempt takes a place in the transaction that begins it. A place ends when the time of its limit is over; another
attempt of the same notification moves it to the time of that attempt. One row has all places of a recipient, so that
two workers take them one after the other. The table has a hash of the recipient, and no address.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.outbox.days import within
from notifier.outbox.statements import statement

_TAKE = statement(__package__, "take_places.sql")
_FULL = statement(__package__, "full_limits.sql")
_END = statement(__package__, "end_places.sql")


@dataclass(frozen=True, slots=True)
class LimitedRecipient:
    """The notification `id` needs one of the `most` places that `address` has in `scope` within `per` seconds.

    `address` is spelled as in suppressions, and is the person for whom the message was built.
    """

    id: UUID
    scope: str
    address: str
    most: int
    per: float


@dataclass(frozen=True, slots=True)
class OverLimit:
    """The notification `id` has no place: `used` are taken, and the next one is free at `free_at`, in UTC."""

    id: UUID
    used: int
    free_at: datetime


def take_places(
    connection: Connection, limited: Sequence[LimitedRecipient], ids: Collection[UUID], values: Mapping[str, Any]
) -> list[OverLimit]:
    """Take a place for each that may begin now. Return those without one.

    `ids` are all notifications that the transaction is to begin, also those without a limit: they are locked.
    `values` are the token, and the parameters of suppress.sql for them. The places are taken when the caller's
    transaction is committed; until then no other one takes places of these recipients.
    """
    return _over(connection.execute(within(_TAKE, ids), {**values, **_columns(limited)}))


def full_limits(connection: Connection, limited: Sequence[LimitedRecipient]) -> list[OverLimit]:
    """Return those whose limit is used up now. Of the others it says nothing: `take_places` does."""
    return _over(connection.execute(_FULL, _columns(limited)))


def end_places(connection: Connection, most: int) -> int:
    """Delete up to `most` recipients whose places have all ended. Return how many."""
    return connection.execute(_END, {"most": most}).rowcount


def _over(rows: Any) -> list[OverLimit]:
    return [OverLimit(id_, used, free_at) for id_, used, free_at in rows]


def _columns(limited: Sequence[LimitedRecipient]) -> dict[str, Any]:
    return {
        "limited": uuids([each.id for each in limited]),
        "scopes": [each.scope for each in limited],
        "people": [each.address for each in limited],
        "mosts": [each.most for each in limited],
        "pers": [each.per for each in limited],
    }
