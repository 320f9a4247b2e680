"""Routes of whole bridges in tests: each friend request notifies, also one that is only changed."""

from notifier import Email, Event, route


@route(table="activity", on=["INSERT", "MODIFY"], match={"type": ["friend_request"]}, channel="email")
def friend_request(event: Event) -> Email | None:
    return None
