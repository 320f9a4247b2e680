"""The routes of the benchmark: urgent messages, and a campaign. BENCH_LANES=off puts both into one lane."""

import os

from notifier import Email, Event, route

_IN_LANES = os.environ.get("BENCH_LANES") != "off"


@route(table="activity", match={"type": ["urgent"]}, channel="email", lane="high" if _IN_LANES else "normal")
def urgent(event: Event) -> Email:
    return _mail(event)


@route(table="activity", match={"type": ["campaign"]}, channel="email", lane="low" if _IN_LANES else "normal")
def campaign(event: Event) -> Email:
    return _mail(event)


def _mail(event: Event) -> Email:
    to = (event.new or {})["pk"]
    context = {
        "name": "Ana",
        "from_name": "Bo",
        "from_job": "Nurse",
        "from_company": "Fennel Foods",
        "mutual_friends": 2,
    }
    return Email(to=f"{to}@example.com", template="friend_request", context={**context, "url": "https://example.com"})
