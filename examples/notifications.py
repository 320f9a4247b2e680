"""The routes of the README and of the demo: three kinds of activity in a social network, one mail for each.

The functions run in the worker and may ask any database or service. A function that raises runs again later.
"""

from notifier import Email, Event, route

SITE = "https://www.example.com"
NEWS = {
    "received": "We have your application",
    "viewed": "Your application was read",
    "interview": "You are invited to an interview",
    "offer": "You have an offer",
    "declined": "A decision on your application",
}


@route(table="activity", on="INSERT", match={"type": ["friend_request"]}, channel="email")
def friend_request(event: Event) -> Email | None:
    item = event.new or {}
    return Email(
        to=item["to"],
        template="friend_request",
        context={**item, "url": f"{SITE}/requests/{item['from_id']}"},
        locale=item["locale"],
    )


@route(table="activity", on="INSERT", match={"type": ["profile_view"]}, channel="email")
def profile_view(event: Event) -> Email | None:
    item = event.new or {}
    return Email(
        to=item["to"],
        template="profile_view",
        context={**item, "url": f"{SITE}/people/{item['viewer_id']}"},
        locale=item["locale"],
    )


@route(table="activity", on="INSERT", match={"type": ["job_application"]}, channel="email")
def job_application(event: Event) -> Email | None:
    item = event.new or {}
    news = NEWS.get(item["status"])
    if news is None:
        return None  # a draft, for example: no notification
    return Email(
        to=item["to"],
        template="job_application",
        context={**item, "news": news, "url": f"{SITE}/applications/{item['application_id']}"},
        locale=item["locale"],
    )
