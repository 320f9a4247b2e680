"""Events for tests, from plain items."""

from collections.abc import Sequence
from datetime import datetime

from notifier.events import Event
from notifier.testing.items import Item, record_of


def event_of(
    table: str,
    *,
    new: Item | None = None,
    old: Item | None = None,
    on: str | None = None,
    keys: Sequence[str] = ("pk", "sk"),
    at: datetime | None = None,
    expired_by_ttl: bool = False,
) -> Event:
    """Return the event of a change, with the values as a route gets them from DynamoDB.

        event_of("orders", new={"pk": "order#17", "status": "paid", "total": Decimal("12.50")})
        event_of("orders", new={"status": "shipped"}, old={"status": "paid"})  # a MODIFY
        event_of("orders", old={"status": "paid"})  # a REMOVE

    Raise UsageError for a value that DynamoDB does not store, such as a float.

    Args:
        table: The table.
        new: The item after the change. None: it was removed.
        old: The item before the change. None: it was inserted.
        on: `INSERT`, `MODIFY` or `REMOVE`. None: what follows from `new` and `old`. `MODIFY` without `old` is what a
            stream of the view type NEW_IMAGE gives.
        keys: The names of the key attributes; those that the item does not have are left out.
        at: When the change was made. None: now.
        expired_by_ttl: The table's time to live removed the item.
    """
    record = record_of(new=new, old=old, on=on, keys=keys, at=at, expired_by_ttl=expired_by_ttl)
    return Event.from_record(table, record)
