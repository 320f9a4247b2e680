"""What a provider says later about a message that it took: delivered, bounced, complained about."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

NOTIFICATION_TAG = "nid"
ATTEMPT_TAG = "att"
"""The tags that a request carries and its events bring back: the notification's id, the number of the attempt."""


class FeedbackKind(StrEnum):
    """The words of SES event publishing; other providers' events are said in them."""

    SEND = "send"
    """Accepted, nothing more: also for a recipient that the provider suppresses. Each acceptance has this event, so
    that only this one tells whether events flow.
    """
    OTHER = "other"
    """Anything else that happened to an accepted message, such as an open or a click."""
    DELIVERY = "delivery"
    BOUNCE = "bounce"
    SUPPRESSED = "suppressed"
    """Accepted, and not sent: the provider keeps the address on a list of those that bounced or complained before. It
    counts into none of the rates by which an account is judged.
    """
    COMPLAINT = "complaint"
    REJECT = "reject"
    """Accepted, and then refused for its content."""
    RENDERING_FAILURE = "rendering_failure"
    DELAY = "delay"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One event of one message. It proves that the provider took the message, whatever its kind.

    `notification_id` and `attempt` are our tags, None where the message carries none; `message_id` is the
    provider's. `sent_at` is when the provider took the message, `occurred_at` when this happened to it.
    `recipient` is whom this message was sent to. `permanent` says that the address will never work: of a bounce, or
    of one that is suppressed for an earlier bounce and not for a complaint.
    `detail` is the provider's diagnosis.
    """

    kind: FeedbackKind
    message_id: str
    occurred_at: datetime
    sent_at: datetime
    notification_id: UUID | None = None
    attempt: int | None = None
    recipient: str | None = None
    permanent: bool = False
    detail: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the feedback queue that cannot be used, as it came, with what is wrong."""

    raw: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the feedback queue that is about no mail: what the operator should know. `urgent`: and do."""

    text: str
    urgent: bool = False
