"""Show messages in the inbox of the SES simulator if their channel's provider is not simulated."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import structlog

from notifier.messages import Message, WebhookContent

SENT, KEPT = "delivered", "kept here"
"""What the inbox shows: a server on this machine accepted it; or it would have left the machine, and was kept."""
_LONGEST = 500
_NOT_SHOWN = frozenset(("to", "context", "payload", "headers", "template"))

log = structlog.get_logger(__name__)


class Inbox:
    """Adds messages of one channel to the inbox at `url`. Without a URL it does nothing. Never raises."""

    def __init__(self, url: str | None, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._opener = build_opener(ProxyHandler({}))

    def add(self, message: Message[Any, Any], result: str) -> None:
        if self._url is None:
            return
        try:
            body = json.dumps(inbox_message(self._channel, message, result)).encode("utf-8", "replace")
            with self._opener.open(Request(f"{self._url}/_sim/inbox", body), timeout=5):  # noqa: S310  our own address
                pass
        except Exception as error:  # noqa: BLE001  objects of users may raise anything, and the message is sent already
            log.warning("the inbox does not show a message", channel=self._channel, error=type(error).__name__)


def inbox_message(channel: str, message: Message[Any, Any], result: str) -> dict[str, Any]:
    """Return the JSON of a message for `POST /_sim/inbox`."""
    request = message.request
    headers = getattr(request, "headers", None)
    return {
        "channel": channel,
        "to": str(request.to),
        "subject": str(getattr(request, "title", None) or getattr(request, "subject", None) or ""),
        "text": _text(message.content),
        "fate": result,
        "nid": str(message.notification_id),
        "att": str(message.attempt),
        "headers": [[str(name), str(value)] for name, value in headers.items()] if headers else [],
        "request": [[name, value] for name, value in _shown(request)],
    }


def _text(content: Any) -> str:
    """What the recipient reads. JSON is indented; a dataclass of another package is shown field by field."""
    match content:
        case WebhookContent(body):
            return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        case bytes():
            return content.decode("utf-8", "replace")
        case _ if is_dataclass(content) and not isinstance(content, type):
            return "\n".join(f"{each.name}: {getattr(content, each.name)}" for each in fields(content))
    return str(content)


def _shown(request: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields of the request, without secrets and those that are shown elsewhere."""
    if is_dataclass(request) and not isinstance(request, type):
        for each in fields(request):
            value = getattr(request, each.name)
            if each.repr and each.name not in _NOT_SHOWN and value is not None:
                yield each.name, str(value)[:_LONGEST]
