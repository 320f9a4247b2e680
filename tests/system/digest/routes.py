"""A route with a digest, for `test_digest.py`."""

from datetime import timedelta

from notifier import Digest, Email, Event, route


@route(
    table="activity",
    channel="email",
    match={"type": ["profile_view"]},
    digest=Digest(by="profile", window=timedelta(seconds=8), first_at_once=True),
)
def viewed(events: list[Event]) -> Email | None:
    items = [each.new or {} for each in events]
    names = " ".join(sorted(each["visitor"] for each in items))
    return Email(to=items[0]["profile"], template="viewed", context={"count": len(items), "names": names})
