"""The request to APNs for one push: its path, headers and payload. Pure. What cannot be sent raises ValueError."""

import re
from typing import Any

import orjson

from notifier.text import trimmed
from workers.channels.push.content import LONGEST_TTL, PushMessage, collapse_of, data_of, ttl_of, without_empty

LARGEST = 4_096
"""Bytes of a payload that APNs takes."""
TOPIC = re.compile(r"[A-Za-z0-9.-]{1,255}")
_TOKEN = re.compile(r"(?:[0-9a-f]{2}){16,128}")


def device_of(to: object) -> str:
    """Return the device token. Raise ValueError, without the token in it, if it is none."""
    token = address_of(to) if isinstance(to, str) else ""
    if not _TOKEN.fullmatch(token):
        raise ValueError("`to` is no device token of APNs: 32 to 256 hexadecimal digits")
    return token


def address_of(to: str) -> str:
    return trimmed(to).lower()


def headers_of(message: PushMessage, topic: str, now: float) -> dict[str, str]:
    """Return the headers without the authorization. `now` is seconds since 1970."""
    ttl = ttl_of(message, now)
    topic = message.request.app or topic
    if not TOPIC.fullmatch(topic):
        raise ValueError("`app` is no bundle id")
    return {
        "apns-id": str(message.notification_id),
        "apns-topic": topic,
        "apns-push-type": "alert",
        "apns-priority": "10" if message.request.urgent else "5",
        "apns-expiration": "0" if ttl == 0 else str(int(now) + (LONGEST_TTL if ttl is None else ttl)),
        "apns-collapse-id": collapse_of(message),
    }


def payload_of(message: PushMessage) -> bytes:
    """Return the payload, as JSON. The values for the app are beside `aps`."""
    push, content, data = message.request, message.content, data_of(message)
    if not content.title and not content.text:
        raise ValueError("title and text are empty")
    if "aps" in data:
        raise ValueError("'aps' in `data` is a name that APNs keeps for itself")
    aps: dict[str, Any] = {"alert": without_empty({"title": content.title, "body": content.text})}
    if push.urgent:
        aps["sound"] = "default"
    payload = orjson.dumps({"aps": aps, **data, **({"url": push.url} if push.url else {})})
    if len(payload) > LARGEST:
        raise ValueError(f"title, text and data have {len(payload):,} bytes; APNs takes {LARGEST:,}")
    return payload
