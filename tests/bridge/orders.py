"""A route of another table than that of `tests.bridge.routes`."""

from notifier import Email, Event, route


@route(table="orders", on=["INSERT", "MODIFY"], channel="email")
def order_placed(event: Event) -> Email | None:
    return None
