"""An order is for two people: its buyer, and its seller beside."""

from notifier import Email, Event, route


@route(table="activity", match={"kind": ["order"]}, channel="email")
def buyer(event: Event) -> Email:
    item = event.new or {}
    return Email(to=item["buyer"], template="paid", context={"number": item["pk"]})


@route(table="activity", match={"kind": ["order", "offer"]}, channel="email", exclusive=False, lane="high")
def seller(event: Event) -> Email:
    item = event.new or {}
    return Email(to=item["seller"], template="to_send", context={"number": item["pk"]})
