"""The requests that routes return (`Email`, `Sms`, `Webhook`), and the message that a channel sends for one."""

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
    """Send a template to one address. A route on the channel `email` returns it.

        Email(to="Ana <ana@example.com>", template="order_shipped", context={"number": 17}, locale="pt-BR")

    Nothing is checked here: an address or a header that is invalid makes the delivery `failed`.
    """

    to: str
    """The recipient: `ana@example.com`, or with a name, `Ana <ana@example.com>`."""
    template: str
    """The folder of templates with `subject.txt`, `body.txt` and, for HTML, `body.html`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Selects a translation, `body.de.html` for `de` or `de-AT`. None: the files without a language."""
    sender: str | None = None
    """Replaces `NOTIFIER_SENDER`."""
    reply_to: str | None = None
    """The address for replies. None: the sender."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers, for example `List-Unsubscribe`; at most 14."""


@dataclass(frozen=True, slots=True)
class EmailContent:
    """A rendered email, as the recipient reads it. `html` is None for a mail without HTML."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Sms:
    """Send a text to one phone number. A route on the channel `sms` returns it, with either `text` or `template`.

        Sms(to="+351912345678", template="order_shipped", context={"number": 17})

    With neither or both, rendering fails and is repeated as the route's `retry` says.
    """

    to: str
    """The number in E.164: `+351912345678`. Spaces, dots, dashes and parentheses do not matter. Without `+` it is a
    number of the country in NOTIFIER_SMS_REGION.
    """
    text: str | None = None
    """The text."""
    template: str | None = None
    """The folder of templates whose `sms.txt` is rendered instead of `text`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Selects a translation, `sms.de.txt`. None: the file without a language."""
    sender: str | None = None
    """Replaces `NOTIFIER_SMS_SENDER_ID`. It may also be a phone number of your account."""


@dataclass(frozen=True, slots=True)
class SmsContent:
    """A rendered SMS. The provider divides a long one into several."""

    text: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST a payload as JSON to one URL, signed by Standard Webhooks. A route on the channel `webhook` returns it.

        Webhook(to="https://shop.example.com/hooks", payload={"type": "order.paid", "data": event.new})

    An invalid URL or header makes the delivery `failed`; a payload that has no JSON fails as a template does.
    """

    to: str
    """The URL. It starts with https://."""
    payload: Any
    """The body, as JSON. It may contain items of an event as they are."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers of the request."""
    secret: str | None = field(default=None, repr=False)
    """Replaces `NOTIFIER_WEBHOOK_SECRET`, in the same form. Receivers that do not trust each other need one each."""


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """The body of the request, over which the signature is made."""

    body: bytes


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Message(Generic[RequestT_co, ContentT_co]):
    """One attempt to send one notification: `request` is what the route returned, `content` its rendered form.

    Its request must not start after `not_after`, a time of `notifier.process.clock.boottime`, because it could still
    be open when the lease ends; and not once `ends` returns True, because the process is to end and the message goes
    back to the broker. `late` checks both.
    """

    notification_id: UUID
    attempt: int
    request: RequestT_co
    content: ContentT_co
    not_after: float = math.inf
    ends: Callable[[], bool] = field(default=_never, repr=False, compare=False)

    def late(self) -> str | None:
        """Return why the request must not start any more, the reason of a `Late`. None if it may."""
        if self.ends():
            return ENDS
        return TOO_LATE if boottime() >= self.not_after else None
