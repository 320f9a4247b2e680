"""The body of `messages:send` of FCM's HTTP v1 API for one push. Pure. What cannot be sent raises ValueError."""

import re
from typing import Any

import orjson

from notifier.messages import PushContent
from notifier.text import trimmed
from workers.channels.push.content import LONGEST_TTL, PushMessage, collapse_of, data_of, ttl_of, without_empty

LARGEST = 4096
"""Bytes of notification and data that FCM takes."""
_TOKEN = re.compile(r"[A-Za-z0-9_:.-]{20,4096}")
_RESERVED = re.compile(r"from|message_type|collapse_key|(?:google|gcm)\b.*")


def token_of(to: object) -> str:
    """Return the registration token. Raise ValueError, without the token in it, if it is none."""
    token = trimmed(to) if isinstance(to, str) else ""
    if not _TOKEN.fullmatch(token):
        raise ValueError("`to` is no registration token of FCM")
    return token


def body_of(message: PushMessage, seconds: float) -> bytes:
    """Return the body. Its collapse key is a tag on Android and in browsers, and apns-collapse-id on iOS.

    `seconds` since 1970 is now: on iOS the time to live is a point in time.
    """
    push, key, asked = message.request, collapse_of(message), ttl_of(message, seconds)
    ttl = LONGEST_TTL if asked is None else asked
    data, shown = data_of(message), _shown(message.content)
    if reserved := [name for name in data if _RESERVED.fullmatch(name)]:
        raise ValueError(f"{reserved[0]!r} in `data` is a name that FCM keeps for itself")
    if len(orjson.dumps([shown, data])) > LARGEST:
        raise ValueError(f"title, text and data have more than {LARGEST:,} bytes, which FCM refuses")
    return orjson.dumps(
        {
            "message": without_empty(
                {
                    "token": token_of(push.to),
                    "notification": shown,
                    "data": data | ({"url": push.url} if push.url else {}),
                    "android": _android(key, ttl, urgent=push.urgent),
                    "apns": {"headers": _apns_headers(message, key, asked, seconds)},
                    "webpush": without_empty(
                        {
                            "headers": {"TTL": str(ttl), "Urgency": "high" if push.urgent else "normal"},
                            "notification": {"tag": key},
                            "fcm_options": {"link": push.url} if push.url else None,
                        }
                    ),
                }
            )
        }
    )


def _shown(content: PushContent) -> dict[str, Any]:
    if not content.title and not content.text:
        raise ValueError("title and text are empty")
    return without_empty({"title": content.title, "body": content.text})


def _android(key: str, ttl: int, *, urgent: bool) -> dict[str, Any]:
    priority = "HIGH" if urgent else "NORMAL"
    return {"collapse_key": key, "ttl": f"{ttl}s", "priority": priority, "notification": {"tag": key}}


def _apns_headers(message: PushMessage, key: str, ttl: int | None, seconds: float) -> dict[str, str]:
    return {
        "apns-id": str(message.notification_id),
        "apns-collapse-id": key,
        "apns-priority": "10" if message.request.urgent else "5",
        **({} if ttl is None else {"apns-expiration": str(int(seconds) + ttl if ttl else 0)}),
    }
