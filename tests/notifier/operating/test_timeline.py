"""The lines of `notifier show`, in the order in which things happened."""

from datetime import UTC, datetime
from typing import Any

from notifier.notifications import Status
from notifier.operating.timeline import facts_in_words, line_in_words, timeline


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


def test_a_try_that_is_repeated_waits_for_a_retry() -> None:
    again, later = event(1, (Status.PENDING, Status.PENDING)), event(2, (Status.PENDING, Status.PENDING))
    later["reason"] = "waits until 08:00"
    lines = timeline({**FACTS, "status": Status.PENDING, "begun_at": None}, [again, later], [])
    assert [line_in_words(each)["change"] for each in lines] == [
        "recorded", "waits for a retry", "pending → pending",
    ]  # fmt: skip


def test_what_waits_for_a_retry_has_no_end_no_attempt_and_no_empty_rows() -> None:
    facts = {**FACTS, "status": Status.PENDING, "attempt": 0, "failures": 8, "waits_for": "retry", "begun_at": None,
             "next_attempt_at": at(9), "brought_forward": False}  # fmt: skip
    assert facts_in_words(facts) == {
        "recorded_at": at(0.2),
        "status": "pending, waits for a retry",
        "actor": "worker-1",
        "failures": 8,
        "next_attempt_at": at(9),
    }
    sent = {**FACTS, "failures": 0, "waits_for": None}
    assert facts_in_words(sent).keys() == FACTS.keys() - {"reason"} | {"failures"}
    assert facts_in_words({**facts, "failures": 0})["waits_for"] == "retry"
