"""The routes of a social network: three kinds of activity, one table."""

from datetime import timedelta

from notifier import Digest, Email, Event, route

SITE = "https://social.example.com"


@route(table="activity", match={"type": ["friend_request"]}, channel="email")
def friend_request(event: Event) -> Email:
    item = event.new or {}
    return Email(
        to=item["email"],
        template="friend_request",
        context={"name": item["name"], "from_name": item["from_name"], "url": f"{SITE}/requests/{item['from_id']}"},
        locale=item.get("locale"),
    )


@route(table="activity", match={"type": ["comment"], "mentions": [{"exists": True}]}, channel="email", lane="high")
def mention(event: Event) -> Email | None:
    item = event.new or {}
    if item["author_id"] == item["user_id"]:
        return None  # people who mention themselves need no mail
    return Email(
        to=item["email"],
        template="mention",
        context={
            "name": item["name"],
            "author": item["author"],
            "text": item["text"],
            "url": f"{SITE}/c/{item['sk']}",
        },
        locale=item.get("locale"),
    )


@route(
    table="activity",
    match={"type": ["profile_view"]},
    channel="email",
    topic="profile_views",
    lane="low",
    digest=Digest(by="user_id", window=timedelta(hours=1), first_at_once=True),
)
def profile_view(events: list[Event]) -> Email:
    """The first view at once, those of the hour after it in one mail."""
    items = [each.new or {} for each in events]
    return Email(
        to=items[0]["email"],
        template="profile_view",
        context={
            "name": items[0]["name"],
            "viewers": [each["viewer"] for each in items],
            "url": f"{SITE}/me/views",
        },
        locale=items[0].get("locale"),
    )
