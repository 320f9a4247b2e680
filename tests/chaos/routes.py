"""The one route of the chaos run. It gives up on nothing: what is lost in a run must be lost by us."""

from notifier import Email, Event, RetryPolicy, route


@route(table="activity", channel="email", retry=RetryPolicy(attempts=1_000, base=0.2, cap=2.0), on_unknown="resend")
def told(event: Event) -> Email:
    item = event.new or {}
    return Email(to=item["pk"], template="told", context={"number": item["number"], "to": item["pk"]})
