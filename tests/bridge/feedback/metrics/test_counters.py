"""What a feedback process counts of the events that it settles."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from bridge.feedback.counters import MeasuredSettler
from notifier.errors import Unreachable
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.outbox import Settled

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Outbox:
    """Settles everything, or nothing while it is `away`."""

    def __init__(self) -> None:
        self.away = False
        self.noted: list[object] = []

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        if self.away:
            raise Unreachable("away")
        return Settled(fresh=len(events) - 1, repeated=1, accepted=1, dead=len(dead))

    def match_again(self) -> bool:
        self.noted.append("match")
        return True

    def note_settled_before(self, ago: float = 0.0) -> None:
        self.noted.append(ago)


def event(kind: FeedbackKind, seconds: float) -> Feedback:
    return Feedback(kind, f"m-{seconds}", NOW - timedelta(seconds=seconds), NOW, channel="one")


def sample(name: str, channel: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"channel": channel, **labels}) or 0.0


def test_events_are_counted_by_kind_result_and_delay() -> None:
    settler = MeasuredSettler(Outbox(), "one", lambda: NOW)
    events = [event(FeedbackKind.SEND, 3), event(FeedbackKind.DELIVERY, 90), event(FeedbackKind.DELIVERY, -5)]
    settler.settle(events, [DeadLetter(b"?", "not JSON")])
    assert sample("notifier_feedback_received_total", "one", kind="delivery") == 2
    assert sample("notifier_feedback_received_total", "one", kind="send") == 1
    assert sample("notifier_feedback_settled_total", "one", result="fresh") == 2
    assert sample("notifier_feedback_settled_total", "one", result="repeated") == 1
    assert sample("notifier_feedback_settled_total", "one", result="dead") == 1
    assert sample("notifier_feedback_batch_size_sum", "one") == 3
    assert sample("notifier_feedback_settle_seconds_count", "one") == 1
    assert sample("notifier_feedback_delay_seconds_sum", "one") == 93  # a clock that is behind counts as no delay
    assert sample("notifier_feedback_delay_seconds_bucket", "one", le="5.0") == 2


def test_the_newest_event_gets_older_and_no_older_one_replaces_it() -> None:
    now = [NOW]
    settler = MeasuredSettler(Outbox(), "two", lambda: now[0])
    settler.settle([event(FeedbackKind.SEND, 10)])
    settler.settle([event(FeedbackKind.SEND, 60)])
    assert sample("notifier_feedback_newest_event_seconds", "two") == 10
    now[0] += timedelta(seconds=5)
    assert sample("notifier_feedback_newest_event_seconds", "two") == 15


def test_what_fails_is_not_counted_for_it_comes_again() -> None:
    outbox = Outbox()
    settler = MeasuredSettler(outbox, "three", lambda: NOW)
    outbox.away = True
    with pytest.raises(Unreachable):
        settler.settle([event(FeedbackKind.SEND, 1)])
    assert sample("notifier_feedback_received_total", "three", kind="send") == 0
    assert sample("notifier_feedback_batch_size_count", "three") == 0


def test_everything_else_goes_to_the_outbox() -> None:
    outbox = Outbox()
    settler = MeasuredSettler(outbox, "four")
    settler.note_settled_before(30.0)
    assert settler.match_again() is True
    assert outbox.noted == [30.0, "match"]
