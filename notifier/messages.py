"""The requests that routes return (`Email`, `Sms`, `Push`, `Chat`, `Webhook`), and the message for a channel."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from notifier.feedback import ATTEMPT_TAG, NOTIFICATION_TAG
from notifier.mail import Attachment, Identity, Invitation
from notifier.process.clock import boottime
from notifier.process.frozen import quick_init

ENDS = "this process ends; not sent"
ORIGINAL_RECIPIENT_HEADER = "X-Notifier-Original-Recipient"
"""Of a mail that was redirected: to whom it would have gone."""
SES_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What SES takes as the name of a configuration set or a tenant."""
TOO_LATE = "too slow for this many messages at once; not sent"

RequestT_co = TypeVar("RequestT_co", covariant=True)
ContentT_co = TypeVar("ContentT_co", covariant=True)


@quick_init
@dataclass(frozen=True, slots=True)
class Email:
    """Send a template to one address. A route on the channel `email` returns it.

        Email(to="Ana <ana@example.com>", template="order_shipped", context={"number": 17}, locale="pt-BR")

    Nothing is checked here: an address or a header that is invalid makes the delivery `failed`.
    """

    to: str | Sequence[str]
    """The recipient: `ana@example.com`, or with a name, `Ana <ana@example.com>`. Or several, for one mail."""
    template: str
    """The folder of templates with `subject.txt`, `body.txt` and, for HTML, `body.html`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Selects a translation, `body.de.html` for `de` or `de-AT`. None: the files without a language."""
    sender: str | None = None
    """Replaces `NOTIFIER_SENDER`, and that of the route's `identity`."""
    reply_to: str | None = None
    """The address for replies. None: the sender."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers; at most 14, or 12 from a route with a topic, whose mails also have two to unsubscribe."""
    attachments: Sequence[Attachment | Invitation] = ()
    """Files, and invitations to meetings. A mail with files is sent by a call of its own, and has 40 MB at most."""
    configuration_set: str | None = None
    """Replaces `NOTIFIER_SES_CONFIGURATION_SET`, on the channel `email`."""
    tenant: str | None = None
    """The tenant of SES, on the channel `email`. None: none."""
    cc: str | Sequence[str] = ()
    """Recipients of a copy, visible to all others."""
    bcc: str | Sequence[str] = ()
    """Recipients of a copy, visible to no other one."""


class Copies(NamedTuple):
    """All recipients of a mail; `to` has one at least."""

    to: list[str]
    cc: list[str]
    bcc: list[str]

    @classmethod
    def of(cls, email: Email) -> "Copies":
        """Return those of an email. Raise ValueError if one of them is no text, or if `to` is empty."""
        found = cls(*([each] if isinstance(each, str) else list(each) for each in (email.to, email.cc, email.bcc)))
        if not found.to or not all(isinstance(each, str) for kind in found for each in kind):
            raise ValueError("`to`, `cc` and `bcc` are addresses or lists of them, and `to` is not empty")
        return found

    @property
    def all(self) -> list[str]:
        return [*self.to, *self.cc, *self.bcc]


def has_copies(email: Email) -> bool:
    """Return whether it has more than the one recipient that nearly every mail has."""
    return not isinstance(email.to, str) or bool(email.cc or email.bcc)


def with_recipients(email: Email, goes_to: Callable[[str], bool]) -> Email | None:
    """Return the email to those of its recipients for whom `goes_to` is true. None if no address of `to` is left."""
    to, cc, bcc = ([each for each in kind if goes_to(each)] for kind in Copies.of(email))
    return replace(email, to=to, cc=cc, bcc=bcc) if to else None


def with_identity(email: Email, identity: Identity) -> Email:
    """Return the email as it is sent by a route of that identity: what it names itself stays."""
    given = {field.name: getattr(identity, field.name) for field in fields(identity)}
    return replace(email, **{name: value for name, value in given.items() if value and not getattr(email, name)})


@quick_init
@dataclass(frozen=True, slots=True)
class EmailContent:
    """A rendered email, as the recipient reads it. `html` is None for a mail without HTML.

    The texts are as `notifier.text.sound` returns them: without control characters but tabs and line breaks.
    """

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


@dataclass(frozen=True, slots=True)
class Push:
    """Send a push to one device or browser. A route on the channels `push`, `apns` and `webpush` returns it.

        Push(to=device.token, title="Shipped", text="Your order is on its way", data={"order": "17"})
        Push(to=device.token, template="shipped", context={"number": 17})  # shipped/push.txt, shipped/push_title.txt

    With neither `text` nor `template`, or with both, rendering fails and is repeated as the route's `retry` says.
    """

    to: str
    """The device: on `push` a registration token of FCM, on `apns` the device token in hexadecimal digits, on
    `webpush` the subscription of the browser as JSON. A token that its service no longer knows is suppressed.
    """
    title: str | None = None
    """The title. None: `push_title.txt` of the template."""
    text: str | None = None
    """The text."""
    template: str | None = None
    """The folder of templates whose `push.txt` is rendered instead of `text`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Selects a translation, `push.de.txt`. None: the file without a language."""
    url: str | None = None
    """What a click opens."""
    data: Mapping[str, str] = field(default_factory=dict)
    """More values for the app. It also gets `notification_id`."""
    collapse: str | None = None
    """A push replaces an earlier one with the same key on the device. None: the notification's id, so that only a
    second attempt replaces the first.
    """
    ttl: int | None = None
    """Seconds that the service keeps it for a device that is off, but no longer than `expires_after` of the route
    says. None: four weeks, as FCM does; 0: not kept.
    """
    urgent: bool = True
    """False: the device may wait to save power."""
    app: str | None = None
    """The bundle id of the app, on `apns`. None: `NOTIFIER_APNS_TOPIC`."""


@dataclass(frozen=True, slots=True)
class PushContent:
    """A rendered push, as its recipient reads it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Chat:
    """Post a text to one chat, by its incoming webhook. A route on the channel `chat` returns it.

        Chat(to=team.slack_url, template="deployed", context={"version": "1.7"})

    With neither `text` nor `template`, or with both, rendering fails and is repeated as the route's `retry` says.
    """

    to: str
    """The URL of an incoming webhook of Slack, Microsoft Teams or Discord. Keep it secret: it lets anybody post."""
    text: str | None = None
    """The text, in the notation of that chat."""
    template: str | None = None
    """The folder of templates whose `chat.txt` is rendered instead of `text`."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The template's values, by name."""
    locale: str | None = None
    """Selects a translation, `chat.de.txt`. None: the file without a language."""


@dataclass(frozen=True, slots=True)
class ChatContent:
    """A rendered text for a chat."""

    text: str


def _never() -> bool:
    return False


@quick_init
@dataclass(frozen=True, slots=True)
class Message(Generic[RequestT_co, ContentT_co]):
    """One attempt to send one notification: `request` is what the route returned, `content` its rendered form.

    Its request must not start after `not_after`, a time of `notifier.process.clock.boottime`, because it could still
    be open when the lease ends; and not once `ends` returns True, because the process is to end and the message goes
    back to the broker. `late` checks both.

    After `expires_at`, in seconds since 1970, it is of no use to its recipient: a provider that keeps messages need
    not keep it longer. None: it never ends.
    """

    notification_id: UUID
    attempt: int
    request: RequestT_co
    content: ContentT_co
    not_after: float = math.inf
    ends: Callable[[], bool] = field(default=_never, repr=False, compare=False)
    expires_at: float | None = None

    def late(self) -> str | None:
        """Return why the request must not start any more, the reason of a `Late`. None if it may."""
        if self.ends():
            return ENDS
        return TOO_LATE if boottime() >= self.not_after else None

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the tags by which the provider's events are matched to this attempt."""
        return (NOTIFICATION_TAG, str(self.notification_id)), (ATTEMPT_TAG, str(self.attempt))
