"""The routes of a campaign: offers, two a day for each person at most, and a password reset that goes before them."""

from datetime import timedelta

from notifier import Email, Event, Limit, route

SITE = "https://shop.example.com"


@route(
    table="offers",
    channel="email",
    lane="low",
    topic="offers",
    at_most=Limit(2, per=timedelta(days=1), by="recipient"),
    expires_after=timedelta(days=3),
)
def offer(event: Event) -> Email | None:
    """For those who agreed to offers. Each mail has a link to unsubscribe; a recipient gets two a day at most."""
    item = event.new or {}
    if not item.get("consent"):
        return None
    return Email(
        to=item["email"],
        template="offer",
        context={
            "name": item["name"],
            "product": item["product"],
            "percent": item["percent"],
            "url": f"{SITE}/offers/{item['product']}",
        },
    )


@route(table="logins", channel="email", lane="high", transactional=True, expires_after=timedelta(minutes=15))
def password_reset(event: Event) -> Email:
    """It goes first, and also to people who opted out of offers."""
    item = event.new or {}
    return Email(to=item["email"], template="password_reset", context={"name": item["name"], "code": item["code"]})
