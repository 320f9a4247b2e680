"""What each chat takes at its incoming webhooks. Pure. What cannot be posted raises ValueError, without the URL."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import orjson

_TEAMS = ("logic.azure.com", "powerplatform.com", "powerautomate.com")
_CARD = "application/vnd.microsoft.card.adaptive"


class ChatService(NamedTuple):
    """A chat: its name, the most of a text in `unit`, the body of a text, and the query that its URL needs more."""

    name: str
    longest: int
    size: Callable[[str], int]
    body: Callable[[str], Any]
    query: str = ""


def service_of(url: httpx.URL) -> ChatService:
    """Return the chat of a URL, by its host. Hosts that are not known are taken for servers with Slack's format."""
    if _is_of(url.host, "discord.com") or _is_of(url.host, "discordapp.com"):
        return DISCORD
    return TEAMS if any(_is_of(url.host, each) for each in _TEAMS) else SLACK


def posted(service: ChatService, text: str) -> bytes:
    """Return the body of a text. Raise ValueError if it is empty or too long."""
    if not text.strip():
        raise ValueError("the text is empty")
    if (size := service.size(text)) > service.longest:
        raise ValueError(f"the text has {size:,} of the {service.longest:,} that {service.name} takes")
    return orjson.dumps(service.body(text))


def _is_of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _slack(text: str) -> Any:
    return {"text": text.replace("<!", "&lt;!")}  # `<!channel>` in a value of an event would notify the whole chat


def _discord(text: str) -> Any:
    return {"content": text, "allowed_mentions": {"parse": []}}


def _teams(text: str) -> Any:
    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    return {"type": "message", "attachments": [{"contentType": _CARD, "content": card}]}


SLACK = ChatService("Slack", 40_000, len, _slack)
DISCORD = ChatService("Discord", 2_000, len, _discord, query="wait=true")
TEAMS = ChatService("Microsoft Teams", 27_000, lambda text: len(text.encode()), _teams)
