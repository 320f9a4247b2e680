"""The provider's later events of a message that it accepted: delivered, bounced, complained about."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

NOTIFICATION_TAG = "nid"
ATTEMPT_TAG = "att"
"""Names of the tags in a request, which its events repeat: the notification's id and the number of the attempt."""
TRACE_TAG = "trace"
"""Name of the tag with the traceparent of the item, where it is traced."""


class FeedbackKind(StrEnum):
    """Kinds of events, as in SES event publishing; those of other providers are mapped to them."""

    SEND = "send"
    """Accepted; also for a recipient that the provider suppresses. Every accepted message has this event, so its
    absence shows that no events arrive.
    """
    OTHER = "other"
    """Anything else that happened to an accepted message, such as an open or a click."""
    DELIVERY = "delivery"
    BOUNCE = "bounce"
    SUPPRESSED = "suppressed"
    """Accepted and not sent: the address is on the provider's list of those that bounced or complained before. It
    counts towards neither the bounce rate nor the complaint rate of the account.
    """
    COMPLAINT = "complaint"
    REJECT = "reject"
    """Accepted, then rejected because of its content."""
    RENDERING_FAILURE = "rendering_failure"
    DELAY = "delay"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One event of one message. An event of any kind proves that the provider accepted the message.

    `channel` is the one that sent it. `notification_id` and `attempt` are our tags, None if the message has none;
    `message_id` is the provider's.
    `sent_at` is when the provider accepted the message, `occurred_at` when this happened to it. `recipient` is the
    address of this message. `permanent`: the address will never work: a hard bounce, or an address that is
    suppressed because of an earlier bounce. `detail` is the provider's diagnosis. `configuration_set` is the one that
    the message used, None if the event names none.
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
    channel: str = "email"
    configuration_set: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the feedback queue that cannot be parsed: its body, and what is wrong with it."""

    raw: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the feedback queue that is not about a mail: it is logged. `urgent`: the operator has to act."""

    text: str
    urgent: bool = False
