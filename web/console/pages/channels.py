"""*Channels*: which of them send, what waits for each, how near bounces and complaints are to the limits; and where
status updates go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from notifier.channels import channel_names
from notifier.outbox import ChannelState, ChannelStates, Gauges, LastDay, RateLimits, last_days
from web.console.access.role import Role
from web.console.page import Page
from web.console.visit import Visit

page = Page("channels", "Channels", "/channels", order=50)


@dataclass(frozen=True, slots=True)
class _Row:
    """A channel. `lanes` has, by lane, how many of its deliveries wait, if they are not all in the normal one; `due`,
    by kind, how many wait for a time of their own.
    """

    state: ChannelState
    day: LastDay
    waiting: int
    lanes: dict[str, int]
    oldest_seconds: float
    sending: int
    due: dict[str, int]


@page.view()
def show(visit: Visit) -> Response:
    values = _now(visit)
    unused = sorted({*channel_names()} - {row.state.channel for row in values["rows"]})
    return visit.show("channels.html", parked=visit.report.waiting().parked, unused=unused, **values)


@page.view("/now")
def now(visit: Visit) -> Response:
    """The tables alone: they are fetched again every few seconds."""
    return visit.show("channels_now.html", **_now(visit))


@page.action("/{channel}/pause", role=Role.OPERATOR)
def pause(visit: Visit) -> Response:
    channel = visit.path["channel"]
    if channel not in _known(visit):
        return visit.failed(f"There is no channel {channel}.", to="/channels")
    done = ChannelStates(visit.engine, actor=visit.actor).pause(channel, visit.reason)
    text = f"{channel} is paused: what waits is kept, and sent once you resume it."
    return visit.done(text if done else f"{channel} was paused already.")


@page.action("/{channel}/resume", role=Role.OPERATOR)
def resume(visit: Visit) -> Response:
    channel = visit.path["channel"]
    done = ChannelStates(visit.engine, actor=visit.actor).resume(channel, visit.reason)
    return visit.done(f"{channel} runs again." if done else f"{channel} was running.")


def _now(visit: Visit) -> dict[str, Any]:
    return {"limits": _limits(visit), "rows": _rows(visit), "updates": visit.report.status_updates()}


def _known(visit: Visit) -> set[str]:
    """The channels that are installed here, and those that the database knows."""
    states = ChannelStates(visit.engine, actor=visit.actor).all()
    return {*channel_names(), *(each.channel for each in states)}


def _limits(visit: Visit) -> RateLimits:
    return RateLimits(visit.settings.bounce_rate_limit, visit.settings.complaint_rate_limit)


def _rows(visit: Visit) -> Sequence[_Row]:
    """A row for each channel that has had a notification, or that was ever stopped."""
    states = {each.channel: each for each in ChannelStates(visit.engine, actor=visit.actor).all()}
    gauges, days = visit.watch.gauges.get(), last_days(visit.engine)
    names = sorted({*states, *gauges.channels(), *days})
    return [_row(name, states.get(name), gauges, days.get(name)) for name in names]


def _row(name: str, state: ChannelState | None, gauges: Gauges, day: LastDay | None) -> _Row:
    return _Row(
        state=state or ChannelState(name),
        day=day or LastDay(name, 0, 0, 0),
        waiting=gauges.waiting_on(name),
        lanes=gauges.lanes_of(name),
        oldest_seconds=gauges.oldest_on(name),
        sending=gauges.sending.get(name, 0),
        due={kind: count for (channel, kind), count in sorted(gauges.due.items()) if channel == name and count},
    )
