"""Messages of channels whose provider is not simulated, put into the inbox."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import structlog

from notifier.messages import Message, WebhookContent

SENT, KEPT = "delivered", "kept here"
"""What became of a message: a server on this machine took it; it would have left the machine, and did not."""
_LONGEST = 500
_NOT_SHOWN = frozenset(("to", "context", "payload", "headers", "template"))

log = structlog.get_logger(__name__)


class Inbox:
    """Puts messages of one channel into the inbox at `url`; without one it does nothing. Never raises."""

    def __init__(self, url: str | None, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._opener = build_opener(ProxyHandler({}))

    def add(self, message: Message[Any, Any], fate: str) -> None:
        if self._url is None:
            return
        try:
            body = json.dumps(note(self._channel, message, fate)).encode("utf-8", "replace")
            with self._opener.open(Request(f"{self._url}/_sim/inbox", body), timeout=5):  # noqa: S310  our own address
                pass
        except Exception as error:  # noqa: BLE001  the message is sent, whatever a stranger's object raises here
            log.warning("a message is not in the inbox", channel=self._channel, error=type(error).__name__)


def note(channel: str, message: Message[Any, Any], fate: str) -> dict[str, Any]:
    """What the inbox shows of a message."""
    request = message.request
    headers = getattr(request, "headers", None)
    return {
        "channel": channel,
        "to": str(request.to),
        "subject": str(getattr(request, "title", None) or getattr(request, "subject", None) or ""),
        "text": _text(message.content),
        "fate": fate,
        "nid": str(message.notification_id),
        "att": str(message.attempt),
        "headers": [[str(name), str(value)] for name, value in headers.items()] if headers else [],
        "request": [[name, value] for name, value in _shown(request)],
    }


def _text(content: Any) -> str:
    """What the recipient reads; of JSON and of a class of its own, all that is in it."""
    match content:
        case WebhookContent(body):
            return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        case bytes():
            return content.decode("utf-8", "replace")
        case _ if is_dataclass(content) and not isinstance(content, type):
            return "\n".join(f"{each.name}: {getattr(content, each.name)}" for each in fields(content))
    return str(content)


def _shown(request: Any) -> Iterator[tuple[str, str]]:
    """The fields of the request, but for secrets and for what is shown elsewhere."""
    if is_dataclass(request) and not isinstance(request, type):
        for each in fields(request):
            value = getattr(request, each.name)
            if each.repr and each.name not in _NOT_SHOWN and value is not None:
                yield each.name, str(value)[:_LONGEST]
