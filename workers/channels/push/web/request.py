"""One Web Push as a request: its encrypted body (RFC 8291) and its headers (RFC 8030)."""

import base64
import hashlib
import json
from typing import Any

from workers.channels.push.content import LONGEST_TTL, PushMessage, collapse_of, data_of, ttl_of, without_empty
from workers.channels.push.web.subscription import Subscription

LARGEST = 3_993
"""Bytes of a push before it is encrypted: push services take 4,096 of what comes out."""


def payload_of(message: PushMessage) -> bytes:
    """Return what the service worker of the page reads, as JSON. Raise ValueError if it is empty or too large."""
    content = message.content
    if not content.title and not content.text:
        raise ValueError("title and text are empty")
    shown: dict[str, Any] = {
        "title": content.title,
        "body": content.text,
        "tag": collapse_of(message),
        "url": message.request.url,
        "data": data_of(message),
    }
    payload = json.dumps(without_empty(shown), ensure_ascii=False, separators=(",", ":")).encode()
    if len(payload) > LARGEST:
        raise ValueError(f"title, text and data have more than {LARGEST:,} bytes, which push services refuse")
    return payload


def encrypted(payload: bytes, subscription: Subscription) -> bytes:
    """Return the payload as only this browser can read it. Raise ValueError if its key is no point of the curve."""
    import http_ece
    from cryptography.hazmat.primitives.asymmetric import ec

    body: bytes = http_ece.encrypt(
        payload,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=subscription.key,
        auth_secret=subscription.secret,
        version="aes128gcm",
    )
    return body


def headers_of(message: PushMessage, authorization: str, now: float) -> dict[str, str]:
    """Return the headers. A push replaces one with the same topic that the push service has not delivered yet.

    `now` is seconds since 1970.
    """
    ttl = ttl_of(message, now)
    topic = hashlib.sha256(collapse_of(message).encode()).digest()[:24]
    return {
        "Authorization": authorization,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(LONGEST_TTL if ttl is None else ttl),
        "Topic": base64.urlsafe_b64encode(topic).decode(),
        "Urgency": "high" if message.request.urgent else "low",
    }
