"""The lines of `notifier show`, in the order in which things happened."""

from datetime import UTC, datetime
from typing import Any

from notifier.cli.terminal.timeline import timeline
from notifier.notifications import Status


def at(second: float) -> datetime:
    return datetime.fromtimestamp(1_790_000_000 + second, UTC)


FACTS: dict[str, Any] = {
    "recorded_at": at(0.2), "status": Status.DELIVERED, "attempt": 1, "actor": "worker-1", "begun_at": at(0.4),
    "ended_at": at(0.9), "reason": None,
}  # fmt: skip


def event(second: float, change: tuple[Status, Status], attempt: int = 0) -> dict[str, Any]:
    return {"at": at(second), "status_from": change[0], "status_to": change[1], "attempt": attempt, "actor": "worker",
            "begun_at": None, "reason": "KeyError"}  # fmt: skip


def feedback(second: float, kind: str) -> dict[str, Any]:
    return {"occurred_at": at(second), "kind": kind, "attempt": 1, "detail": None}


def test_within_a_second_the_providers_events_come_after_our_changes() -> None:
    lines = timeline(FACTS, [], [feedback(0.5, "send"), feedback(0.7, "delivery")])
    assert [line["change"] for line in lines] == [
        "recorded", "pending → sending", "sending → sent", "provider: send", "provider: delivery",
    ]  # fmt: skip


def test_across_seconds_the_time_decides() -> None:
    lines = timeline({**FACTS, "ended_at": at(2.1)}, [], [feedback(1.7, "delivery")])
    assert [line["change"] for line in lines][-2:] == ["provider: delivery", "sending → sent"]


def test_the_errors_of_a_route_are_numbered_anew_after_a_redrive() -> None:
    again, given_up = (Status.PENDING, Status.PENDING), (Status.PENDING, Status.FAILED)
    events = [event(1, again), event(2, again), event(3, given_up), event(4, (Status.FAILED, Status.PENDING)),
              event(5, again)]  # fmt: skip
    lines = timeline({**FACTS, "status": Status.PENDING, "begun_at": None}, events, [])
    assert [line["reason"] for line in lines][1:] == [
        "try 1: KeyError", "try 2: KeyError", "try 3: KeyError", "KeyError", "try 1: KeyError",
    ]  # fmt: skip
