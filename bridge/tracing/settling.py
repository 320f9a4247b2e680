"""A parser and a settler that trace the provider's events. Without tracing, `notifier feedback` uses the plain ones.

The request to the provider had the origin as a tag, which its events repeat: the database is not asked.
"""

from collections.abc import Sequence
from typing import Any

from bridge.feedback.envelope import MessageParser, SignatureCheck
from bridge.feedback.recent import Settler
from notifier.feedback import TRACE_TAG, DeadLetter, Feedback
from notifier.outbox import Settled
from notifier.tracing.tracing import Tracing


class TracedParser(MessageParser):
    """Keeps the origin that an event names."""

    def __init__(self, signed: SignatureCheck | None, tracing: Tracing) -> None:
        super().__init__(signed)
        self._tracing = tracing

    def _events(self, record: object) -> list[Feedback]:
        events = super()._events(record)
        if events and (notification := events[0].notification_id):
            self._tracing.remember_text(notification, trace_tag(record))
        return events


class TracedSettler:
    """Traces what is settled. An event that the queue brings twice has two spans."""

    def __init__(self, settler: Settler, tracing: Tracing) -> None:
        self._settler = settler
        self._tracing = tracing

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        began = self._tracing.now()
        settled = self._settler.settle(events, dead)
        self._tracing.step(
            "event", began, ((id_, attributes_of(each)) for each in events if (id_ := each.notification_id)), {}
        )
        return settled

    def match_again(self) -> bool:
        return self._settler.match_again()

    def note_settled_before(self, ago: float = 0.0) -> None:
        self._settler.note_settled_before(ago)


def attributes_of(event: Feedback) -> dict[str, str | int]:
    """Return the attributes of an event's span."""
    facts: dict[str, str | int] = {"notifier.event": event.kind.value, "notifier.channel": event.channel}
    return facts | ({"notifier.attempt": event.attempt} if event.attempt else {})


def trace_tag(record: Any) -> object:
    """Return the origin among the tags of a mail, or in the context of an SMS; None if there is none."""
    try:
        event = record["detail"] if record.get("source") == "aws.ses" else record
        return event["mail"]["tags"][TRACE_TAG][0] if "mail" in event else event["context"][TRACE_TAG]
    except (AttributeError, IndexError, KeyError, TypeError):
        return None
