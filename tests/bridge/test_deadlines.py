"""The decision on an unknown outcome: every combination of on_unknown, the channel's capability and the evidence."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.deadlines import ROUTE_SECONDS, Deadlines, capability_of, verdict
from notifier.channels import Capability, silence, warn_of_silence
from notifier.outbox import Decision, OverdueAction, OverdueAttempt
from notifier.retry import OnUnknown, RetryPolicy
from notifier.routes import Route, Routes
from notifier.settings import Settings

EVENTS, KEY, NONE = Capability.DELIVERY_EVENTS, Capability.IDEMPOTENCY_KEY, Capability.NONE
RECEIPTS = Capability.RECEIPTS
WAIT, RESEND, DROP, HOLD = OverdueAction.WAIT, OverdueAction.RESEND, OverdueAction.DROP, OverdueAction.HOLD


def route(wish: OnUnknown | None, **options: Any) -> Route:
    return Route("a_route", "activity", "email", lambda _: None, lambda _: True, on_unknown=wish, **options)


def unknown(flowing: bool, failures: int = 0, age: float = 60.0) -> OverdueAttempt:
    return OverdueAttempt(uuid.uuid4(), "email", "a_route", 1, failures, age, flowing)


@pytest.mark.parametrize(
    ("offers", "flowing", "wish", "decision"),
    [
        (EVENTS, False, OnUnknown.RESEND, WAIT),
        (EVENTS, False, OnUnknown.HOLD, WAIT),
        (EVENTS, False, OnUnknown.DROP, WAIT),
        (EVENTS, True, OnUnknown.RESEND, RESEND),
        (EVENTS, True, OnUnknown.HOLD, HOLD),
        (EVENTS, True, OnUnknown.DROP, DROP),
        (NONE, False, OnUnknown.RESEND, RESEND),
        (NONE, False, OnUnknown.HOLD, HOLD),
        (NONE, False, OnUnknown.DROP, DROP),
        (KEY, False, OnUnknown.RESEND, RESEND),
        (KEY, False, OnUnknown.HOLD, RESEND),
        (KEY, False, OnUnknown.DROP, RESEND),
        (EVENTS, False, None, WAIT),
        (EVENTS, True, None, RESEND),
        (NONE, False, None, HOLD),
        (KEY, False, None, RESEND),
        (RECEIPTS, False, None, HOLD),
        (RECEIPTS, True, None, HOLD),
        (RECEIPTS, False, OnUnknown.HOLD, HOLD),
        (RECEIPTS, False, OnUnknown.RESEND, WAIT),
        (RECEIPTS, True, OnUnknown.RESEND, RESEND),
        (RECEIPTS, False, OnUnknown.DROP, WAIT),
        (RECEIPTS, True, OnUnknown.DROP, DROP),
    ],
)
def test_the_policy_applies_on_evidence_only(
    offers: Capability, flowing: bool, wish: OnUnknown | None, decision: OverdueAction
) -> None:
    assert verdict(unknown(flowing), route(wish), offers).action is decision


@pytest.mark.parametrize("offers", Capability)
def test_an_answer_that_is_lost_again_and_again_uses_up_the_attempts(offers: Capability) -> None:
    policy = RetryPolicy(attempts=3)
    assert verdict(unknown(True, failures=1), route(OnUnknown.RESEND, retry=policy), offers).action is RESEND
    assert verdict(unknown(True, failures=2), route(OnUnknown.RESEND, retry=policy), offers).action is DROP


def test_what_is_too_old_is_not_sent_again() -> None:
    policy = RetryPolicy(max_age=30.0)
    assert verdict(unknown(True, age=31.0), route(OnUnknown.RESEND, retry=policy), EVENTS).action is DROP


@pytest.mark.parametrize("offers", [EVENTS, NONE, RECEIPTS])
def test_what_has_no_route_here_is_left_to_the_bridge_that_has_it(offers: Capability) -> None:
    assert verdict(unknown(True), None, offers).action is WAIT


def test_a_route_that_no_bridge_has_leaves_it_to_the_operator() -> None:
    found = verdict(replace(unknown(True), waited=ROUTE_SECONDS), None, EVENTS)
    assert (found.action, found.reason) == (HOLD, "no bridge has its route")


def test_while_no_events_flow_no_bridge_could_decide_and_nothing_is_held() -> None:
    found = verdict(replace(unknown(False), waited=2 * ROUTE_SECONDS), None, EVENTS)
    assert (found.action, found.for_route) == (WAIT, False)


@pytest.mark.parametrize(("flowing", "alarms"), [(True, 0), (False, 1)])
def test_what_waits_for_another_bridge_is_no_alarm(flowing: bool, alarms: int) -> None:
    class Overdue:
        def settle(self, decide: Callable[[OverdueAttempt], Decision]) -> dict[OverdueAction, int]:
            found = [decide(unknown(flowing)).action for _ in range(3)]
            return {each: found.count(each) for each in OverdueAction}

    with capture_logs() as logs:
        Deadlines(Overdue(), Routes([])).run_once()  # type: ignore[arg-type]
    assert [each["event"][:5] for each in logs] == ["ALARM"] * alarms


def test_the_capability_comes_from_the_channel_that_is_installed() -> None:
    assert capability_of("email") is EVENTS
    assert capability_of("pigeon") is EVENTS  # which waits, and does nothing rash


@pytest.mark.parametrize("flowing", [True, False])
@pytest.mark.parametrize("wish", [*OnUnknown, None])
def test_where_no_event_can_come_the_operator_decides(wish: OnUnknown | None, flowing: bool) -> None:
    found = verdict(unknown(flowing), route(wish), EVENTS, "NOTIFIER_SES_CONFIGURATION_SET is empty")
    assert (found.action, found.reason) == (HOLD, "NOTIFIER_SES_CONFIGURATION_SET is empty")


@pytest.mark.parametrize(("configuration_set", "held"), [("", True), ("notifier", False)])
def test_without_a_configuration_set_unknown_outcomes_are_held_and_a_warning_is_logged(
    configuration_set: str, held: bool
) -> None:
    settings = Settings(
        database_url="postgresql://x", broker_url="redis://x", ses_configuration_set=configuration_set
    )
    asked: list[OverdueAction] = []

    class Overdue:
        def settle(self, decide: Callable[[OverdueAttempt], Decision]) -> dict[OverdueAction, int]:
            asked.append(decide(unknown(True)).action)
            return dict.fromkeys(OverdueAction, 0)

    routes = Routes([route(None)])
    Deadlines(Overdue(), routes, partial(silence, settings=settings)).run_once()  # type: ignore[arg-type]
    assert asked == [HOLD if held else RESEND]
    with capture_logs() as logs:
        warn_of_silence(["email", "sms", "pigeon"], settings)
    assert [(each["channel"], each["reason"]) for each in logs] == (
        [("email", "NOTIFIER_SES_CONFIGURATION_SET is empty")] if held else []
    )


def test_a_channel_is_looked_up_once_for_all_its_unknown_outcomes() -> None:
    """Rows are locked meanwhile: reading the installed packages for each of 500 took half a minute."""
    asked: list[str] = []

    class Overdue:
        def settle(self, decide: Callable[[OverdueAttempt], Decision]) -> dict[OverdueAction, int]:
            for _ in range(500):
                decide(unknown(True))
            return dict.fromkeys(OverdueAction, 0)

    Deadlines(Overdue(), Routes([route(None)]), asked.append).run_once()  # type: ignore[arg-type]
    assert asked == ["email"]
