"""Routes of two tables, each on a channel of its own, and of a third one that has events of both."""

from notifier import Email, Event, Sms, route


@route(table="activity", channel="email")
def mail(event: Event) -> Email | None:
    return None


@route(table="orders", channel="sms")
def text(event: Event) -> Sms | None:
    return None


@route(table="both", match={"type": ["text"]}, channel="sms")
def text_of_both(event: Event) -> Sms | None:
    return None


@route(table="both", channel="email")
def mail_of_both(event: Event) -> Email | None:
    return None
