"""What a route returns, and what a channel is given to send."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

RequestT_co = TypeVar("RequestT_co", covariant=True)
ContentT_co = TypeVar("ContentT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Email:
    """Send this template to one address.

    `context` holds the template's values; `locale` picks a translation where there is one. `sender` and
    `reply_to` replace the configured ones.
    """

    to: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    locale: str | None = None
    sender: str | None = None
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmailContent:
    """A rendered email: what the recipient will read. `html` is None for a text-only mail."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Sms:
    """Send a text to one phone number, in E.164: `+351912345678`; spaces, dots and dashes do not matter.

    Either `text`, or a `template` whose part `sms.txt` says it with `context`, in `locale` where there is a
    translation. `sender` replaces the configured sender id; it may also be a number of yours.
    """

    to: str
    text: str | None = None
    template: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    locale: str | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class SmsContent:
    """A rendered SMS. The provider cuts a long one into several."""

    text: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST `payload` as JSON to one URL, signed as Standard Webhooks says.

    The payload may be an item as the event holds it. `secret` replaces the configured one, in the same form:
    receivers that do not trust each other need one each.
    """

    to: str
    payload: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """The body of the request, as it is signed."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Message(Generic[RequestT_co, ContentT_co]):
    """One attempt to send one notification: what the route asked for, rendered, under its id.

    Its request must not start after `not_after`, a time of `notifier.clock.boottime`: its lease may be over then.
    """

    notification_id: UUID
    attempt: int
    request: RequestT_co
    content: ContentT_co
    not_after: float = math.inf
