"""The route of a product that moves to Notifier."""

from notifier import Email, Event, route


@route(table="activity", channel="email")
def welcome(event: Event) -> Email:
    item = event.new or {}
    return Email(to=item["to"], template="welcome", context={"name": item["name"]})
