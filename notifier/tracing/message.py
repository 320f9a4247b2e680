"""A message that carries its origin to the provider, whose events repeat it."""

from dataclasses import dataclass

from notifier.feedback import TRACE_TAG
from notifier.messages import ContentT_co, Message, RequestT_co


@dataclass(frozen=True, slots=True)
class TracedMessage(Message[RequestT_co, ContentT_co]):
    """A message with one tag more: the traceparent, which SES and End User Messaging repeat in their events."""

    traceparent: str = ""

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        own: tuple[tuple[str, str], ...] = Message.tags.__get__(self)  # `super` does not work in a class with slots
        return *own, (TRACE_TAG, self.traceparent)

    @classmethod
    def of(
        cls, message: Message[RequestT_co, ContentT_co], traceparent: str
    ) -> "TracedMessage[RequestT_co, ContentT_co]":
        return cls(
            message.notification_id,
            message.attempt,
            message.request,
            message.content,
            message.not_after,
            message.ends,
            message.expires_at,
            traceparent,
        )
