"""A message as its recipient reads it, for the asserts of tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.messages import ChatContent, EmailContent, PushContent, SmsContent, WebhookContent


@dataclass(frozen=True, slots=True)
class PlainMessage:
    """A message of any channel.

        message = pipeline.mails[0]
        assert message.to == "ana@example.com"
        assert "has shipped" in message.subject

    Two are equal if all their fields are.
    """

    channel: str
    """The name of the channel."""
    to: str
    """The recipient, as the route named it. Several of one mail are separated by `, `."""
    subject: str
    """The subject of a mail, the title of a push; empty on other channels."""
    text: str
    """The plain text; of a webhook its JSON."""
    html: str | None
    """The HTML of a mail; None without one, and on other channels."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the message has beside those of its channel."""
    attachments: Sequence[str] = ()
    """The names of what is attached to a mail."""
    request: Any = None
    """What the route returned; None for a mail that the SES simulator accepted."""
    cc: str = ""
    """Who gets a copy of a mail, as `to` has them."""
    bcc: str = ""
    """Who gets a blind copy, as `to` has them."""


def plain_message(channel: str, request: Any, content: Any) -> PlainMessage:
    """Return a message of what a route returned and what its channel rendered of it."""
    subject, text, html = _read(content)
    headers = dict(getattr(request, "headers", None) or {})
    to, cc, bcc = (_joined(getattr(request, name, ())) for name in ("to", "cc", "bcc"))
    files = tuple(each.name for each in getattr(request, "attachments", ()))
    return PlainMessage(channel, to, subject, text, html, headers, files, request, cc, bcc)


def _joined(addresses: Any) -> str:
    return addresses if isinstance(addresses, str) else ", ".join(addresses)


def _read(content: Any) -> tuple[str, str, str | None]:
    match content:
        case EmailContent():
            return content.subject, content.text, content.html
        case PushContent():
            return content.title, content.text, None
        case SmsContent() | ChatContent():
            return "", content.text, None
        case WebhookContent():
            return "", content.body.decode("utf-8", "replace"), None
    return "", content if isinstance(content, str) else repr(content), None
