"""Routes of which one has a topic."""

from notifier import Email, Event, route


@route(table="activity", channel="email", topic="news")
def a_topic_route(event: Event) -> Email | None:
    return None


@route(table="activity", channel="email", topic="receipts", transactional=True, match={"kind": ["receipt"]})
def a_transactional_route(event: Event) -> Email | None:
    return None
