"""The route of a test of another channel than email. Environment variables name the channel and its provider."""

import os

from notifier import Event, RetryPolicy, Sms, Webhook, route

CHANNEL = os.environ["STOPS_CHANNEL"]


@route(table="activity", channel=CHANNEL, retry=RetryPolicy(attempts=1_000, base=0.2, cap=2.0))
def numbered(event: Event) -> Sms | Webhook:
    number = (event.new or {})["number"]
    if CHANNEL == "sms":
        return Sms(to=f"+3519{int(number):08}", text=f"number {number}")
    return Webhook(to=os.environ["STOPS_URL"], payload={"number": number})
