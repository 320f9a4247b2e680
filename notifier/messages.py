"""What a route returns, and what a channel is given to send."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from notifier.process.clock import boottime

ENDS = "this process ends; not sent"
TOO_LATE = "too slow for this many messages at once; not sent"

RequestT_co = TypeVar("RequestT_co", covariant=True)
ContentT_co = TypeVar("ContentT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Email:
    """Send this template to one address. For the channel `email`."""

    to: str
    """The recipient: `ana@example.com`, or with a name, `Ana <ana@example.com>`."""
    template: str
    """A folder with `subject.txt`, `body.txt` and, where there is HTML, `body.html`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Picks a translation, `body.de.html` for `de` or `de-AT`. Without one: the parts that name none."""
    sender: str | None = None
    """Replaces `NOTIFIER_SENDER`."""
    reply_to: str | None = None
    """Where answers go. None: to the sender."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the mail, `List-Unsubscribe` say, up to 14."""


@dataclass(frozen=True, slots=True)
class EmailContent:
    """A rendered email: what the recipient will read. `html` is None for a text-only mail."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Sms:
    """Send a text to one phone number: `text`, or the part `sms.txt` of a `template`. For the channel `sms`."""

    to: str
    """The number in E.164: `+351912345678`; spaces, dots and dashes do not matter."""
    text: str | None = None
    """What it says."""
    template: str | None = None
    """A folder with `sms.txt`, which says it instead of `text`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Picks a translation, `sms.de.txt`, where there is one."""
    sender: str | None = None
    """Replaces `NOTIFIER_SMS_SENDER_ID`; it may also be a number of yours."""


@dataclass(frozen=True, slots=True)
class SmsContent:
    """A rendered SMS. The provider cuts a long one into several."""

    text: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST a payload as JSON to one URL, signed as Standard Webhooks says. For the channel `webhook`."""

    to: str
    """The URL, which starts with https://."""
    payload: Any
    """What is sent as JSON. It may be an item as the event holds it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the request, beside those of the signature."""
    secret: str | None = field(default=None, repr=False)
    """Replaces `NOTIFIER_WEBHOOK_SECRET`, in the same form: receivers that do not trust each other need one each."""


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """The body of the request, as it is signed."""

    body: bytes


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Message(Generic[RequestT_co, ContentT_co]):
    """One attempt to send one notification: what the route asked for, rendered, under its id.

    Its request must not start after `not_after`, a time of `notifier.process.clock.boottime`: its lease may be over
    then. Nor once `ends` says that this process is to end: those that have not started go back to the broker.
    """

    notification_id: UUID
    attempt: int
    request: RequestT_co
    content: ContentT_co
    not_after: float = math.inf
    ends: Callable[[], bool] = field(default=_never, repr=False, compare=False)

    def late(self) -> str | None:
        """Why its request must not start any more: the reason of a `Late`. None while it may."""
        if self.ends():
            return ENDS
        return TOO_LATE if boottime() >= self.not_after else None
