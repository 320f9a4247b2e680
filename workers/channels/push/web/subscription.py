"""The subscription of a browser, as its `PushSubscription.toJSON()` writes it. Pure."""

import base64
import binascii
from typing import Any, NamedTuple

import httpx
import orjson

from notifier.text import trimmed
from workers.channels.webhook.request import endpoint

_PUBLIC_KEY, _SECRET = 65, 16
"""Bytes of the browser's key, an uncompressed point of P-256, and of its secret."""


class Subscription(NamedTuple):
    """Where a push goes, and the browser's public key and secret, with which it is encrypted."""

    url: httpx.URL
    key: bytes
    secret: bytes


def address_of(to: str) -> str:
    """Return the URL in a subscription, or that `to` is: the same for all spellings. Never raises."""
    try:
        found = orjson.loads(to)["endpoint"] if trimmed(to).startswith("{") else to
        return str(endpoint(found, allow_http=True))
    except (ValueError, LookupError, TypeError):
        return to.strip()


def subscription_of(to: object, *, allow_http: bool) -> Subscription:
    """Return the subscription in `to`. Raise ValueError, which repeats nothing of it, if it is none."""
    try:
        found: Any = orjson.loads(to) if isinstance(to, str) else to
        url, keys = found["endpoint"], found["keys"]
        key, secret = _decoded(keys["p256dh"]), _decoded(keys["auth"])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            "`to` is no subscription of a browser: JSON with endpoint, keys.p256dh and keys.auth"
        ) from None
    if len(key) != _PUBLIC_KEY or len(secret) != _SECRET:
        raise ValueError("the keys of the subscription in `to` have a wrong length")
    return Subscription(endpoint(url, allow_http=allow_http), key, secret)


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
