"""*Overview*: how much passes, what waits, what is wrong and what to do, and the proof that nothing is lost."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from notifier.outbox import SCHEDULED, ChannelState, Gauges
from web.console.monitoring.alarms import alarms
from web.console.monitoring.charts import Chart, chart
from web.console.monitoring.watch import Minutes
from web.console.page import Page
from web.console.visit import Visit

page = Page("overview", "Overview", "/", order=10)

SPANS: Mapping[str, tuple[int, int]] = {"hour": (60, 1), "day": (96, 15)}
"""Bars of the charts, and minutes of each."""
_NAMES = ("read", "sent", "delivered", "failed")


@page.view()
def show(visit: Visit) -> Response:
    return visit.show("overview.html", **_values(visit))


@page.view("/live")
def live(visit: Visit) -> Response:
    return visit.show("overview_live.html", **_values(visit))


def _values(visit: Visit) -> dict[str, Any]:
    gauges = visit.watch.gauges.get()
    channels = visit.report.channels()
    span = visit.query.get("span", "hour")
    span = span if span in SPANS else "hour"
    proof, now = visit.watch.proof, time.time()
    drawn = charts(visit.watch.minutes, span, now)
    return {
        "gauges": gauges,
        "channels": channels_of(gauges, channels),
        "alarms": alarms(gauges, channels, proof),
        "charts": drawn,
        "newest": newest(drawn, span, now),
        "since": visit.watch.minutes.since,
        "span": span,
        "spans": tuple(SPANS),
        "proof": proof,
    }


def channels_of(gauges: Gauges, states: list[ChannelState]) -> list[dict[str, Any]]:
    """Return a row for each channel that was ever stopped, or that has deliveries."""
    known = {each.channel: each for each in states}
    return [
        {
            "name": name,
            "state": known[name].state if name in known else "running",
            "waiting": gauges.waiting_on(name),
            "oldest": gauges.oldest_on(name) if gauges.waiting_on(name) else None,
            "sending": gauges.sending.get(name, 0),
            "retries": gauges.due.get((name, "retry"), 0),
            "scheduled": gauges.due.get((name, SCHEDULED), 0),
        }
        for name in sorted({*known, *gauges.channels()})
    ]


def charts(minutes: Minutes, span: str, now: float) -> list[Chart]:
    """Return what was read, sent, delivered and failed per minute, within the last hour or day."""
    count, width = SPANS[span]
    spans = minutes.last(count, now, width)
    return [chart(name, [None if each is None else getattr(each, name) / width for each in spans]) for name in _NAMES]


def newest(drawn: Sequence[Chart], span: str, now: float) -> str:
    """Return in words of which time `Chart.now` is, at `now` in Unix seconds."""
    _, width = SPANS[span]
    end = int(now // 60) + 1 - width
    first, last = (datetime.fromtimestamp(minute * 60, UTC).strftime("%H:%M") for minute in (end - width, end))
    if any(each.begins for each in drawn):
        return "of this minute so far" if width == 1 else f"per minute since {last} UTC"
    return f"of the last whole minute, {first} UTC" if width == 1 else f"per minute from {first} to {last} UTC"
