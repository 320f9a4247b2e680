"""Routes with and without a topic, for `test_one_click.py`."""

from notifier import Email, Event, route


@route(table="activity", channel="email", match={"type": ["news"]}, topic="news")
def news(event: Event) -> Email | None:
    return Email(to=(event.new or {})["to"], template="news")


@route(table="activity", channel="email", match={"type": ["receipt"]}, topic="news", transactional=True)
def receipt(event: Event) -> Email | None:
    return Email(to=(event.new or {})["to"], template="receipt")


@route(table="activity", channel="email", match={"type": ["password"]})
def password(event: Event) -> Email | None:
    return Email(to=(event.new or {})["to"], template="receipt")
