"""Decides about attempts whose answer was lost, at their deadline: send again, give up, or leave to the operator.

The decision follows from the capability of the channel, the `on_unknown` of the route, and the events that came.
"""

from collections.abc import Callable
from functools import cache

import structlog

from notifier.channels import Capability, capability, channel_class
from notifier.errors import NotifierError
from notifier.outbox import Decision, OverdueAction, OverdueAttempt, Unknowns
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes import Route, Routes
from notifier.settings import Settings

log = structlog.get_logger(__name__)


_HELD_BY_DEFAULT = (Capability.NONE, Capability.RECEIPTS)
_EVIDENCE = {
    Capability.IDEMPOTENCY_KEY: "the provider drops duplicates by their idempotency key",
    Capability.DELIVERY_EVENTS: "events flow, and none shows an acceptance",
    Capability.RECEIPTS: "events flow, and none shows an acceptance",
    Capability.NONE: "the provider sends no events",
}


_MOST_REASONS = 10
"""Of what is held, in one line of the log."""

ROUTE_SECONDS = 3600.0
"""How long an unknown outcome waits for a bridge with its route, counted from when such a bridge could decide.
Bridges may read different tables with different routes, and during a deploy only some have a new route."""


class Deadlines:
    """Decides about overdue attempts. Runs in every bridge at once; each attempt is decided by one of them.

    `silence` returns why no event of a channel can come, None if they can come: see `notifier.channels.silence`.
    `offers` returns the capability of a channel.
    """

    def __init__(
        self,
        unknowns: Unknowns,
        routes: Routes,
        silence: Callable[[str], str | None] = lambda _: None,
        offers: Callable[[str], Capability] | None = None,
    ) -> None:
        self._unknowns = unknowns
        self._routes = routes
        # Both read the installed packages, and are called while rows are locked.
        self._silence = cache(silence)
        self._offers = cache(offers or capability_of)

    def run_once(self) -> dict[OverdueAction, int]:
        """Decide about the attempts whose deadline has come; return how many there are of each decision."""
        for_route = 0
        reasons: set[str] = set()

        def decide(unknown: OverdueAttempt) -> Decision:
            nonlocal for_route
            found = self._decide(unknown)
            for_route += found.for_route
            if found.action is OverdueAction.HOLD:
                reasons.add(found.reason)
            return found

        decided = self._unknowns.settle(decide)
        if resent := decided[OverdueAction.RESEND]:
            log.warning(
                "attempts whose answer was lost: sent again, as no event shows an acceptance",
                count=resent,
            )
        if dropped := decided[OverdueAction.DROP]:
            log.error(
                "attempts whose answer was lost: given up, as their routes say or their attempts are used up",
                count=dropped,
            )
        if held := decided[OverdueAction.HOLD]:
            log.error(
                "ALARM: attempts whose answer was lost wait for the operator: notifier list --status unknown",
                count=held,
                reasons=sorted(reasons)[:_MOST_REASONS],
            )
        if (waiting := decided[OverdueAction.WAIT] - for_route) > 0:
            log.error(
                "ALARM: attempts whose answer was lost wait for events, and none are known to flow: does `notifier "
                "feedback` run, does the configuration set publish SEND, and has this installation a queue of its "
                "own?",
                count=waiting,
            )
        return decided

    def _decide(self, unknown: OverdueAttempt) -> Decision:
        route = self._routes.get(unknown.route)
        return verdict(unknown, route, self._offers(unknown.channel), self._silence(unknown.channel))


def capability_of(channel: str, settings: Settings | None = None) -> Capability:
    """Return the channel's capability, with these settings if given.

    A channel that is not installed here is treated as DELIVERY_EVENTS: nothing is sent again before events flow.
    """
    try:
        return capability(channel, settings) if settings else channel_class(channel).capability
    except NotifierError:
        return Capability.DELIVERY_EVENTS


def verdict(unknown: OverdueAttempt, route: Route | None, offers: Capability, silence: str | None = None) -> Decision:
    """Return the decision on this attempt, with its reason. Pure.

    With `silence` no event can come, and the operator decides. A `route` of None is not loaded in this bridge.
    """
    if silence:
        return Decision(OverdueAction.HOLD, silence)
    if found := _without_policy(unknown, route, offers):
        return found
    wish = _wish(route, offers)
    if wish is OnUnknown.HOLD:
        return Decision(OverdueAction.HOLD, "its route says hold" if route else "no bridge has its route")
    lost = f"its answer was lost; {_EVIDENCE[offers]}"
    if wish is OnUnknown.DROP:
        return Decision(OverdueAction.DROP, f"{lost}; its route says drop")
    retry = route.retry if route else RetryPolicy()
    if retry.exhausted(unknown.failures + 1, unknown.age):
        return Decision(OverdueAction.DROP, f"{lost}; its attempts are used up")
    return Decision(OverdueAction.RESEND, f"{lost}; sent again")


def _without_policy(unknown: OverdueAttempt, route: Route | None, offers: Capability) -> Decision | None:
    """Return what is done while the policy of the route cannot be applied, None if it can.

    Without evidence the attempt waits. The operator decides if it used a configuration set of its own of which no
    events arrive while others do: none may ever come.
    """
    if _needs_events(route, offers) and not unknown.flowing:
        if unknown.silent_set:
            reason = f"no SEND events of its configuration set {unknown.silent_set} are known to flow"
            return Decision(OverdueAction.HOLD, reason)
        return Decision(OverdueAction.WAIT, "no events are known to flow")
    if route is None and offers is not Capability.IDEMPOTENCY_KEY and unknown.waited < ROUTE_SECONDS:
        return Decision(
            OverdueAction.WAIT, "its route is not loaded here; another bridge may have it", for_route=True
        )
    return None


def _needs_events(route: Route | None, offers: Capability) -> bool:
    """Return whether a decision has to wait until events are known to flow. What is held needs none of receipts."""
    if offers is Capability.RECEIPTS:
        return _wish(route, offers) is not OnUnknown.HOLD
    return offers is Capability.DELIVERY_EVENTS


def _wish(route: Route | None, offers: Capability) -> OnUnknown:
    if offers is Capability.IDEMPOTENCY_KEY:
        return OnUnknown.RESEND
    if route is None:
        return OnUnknown.HOLD
    return route.on_unknown or (OnUnknown.HOLD if offers in _HELD_BY_DEFAULT else OnUnknown.RESEND)
