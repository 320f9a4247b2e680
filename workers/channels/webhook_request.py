"""One webhook as a request: where it goes, what it says, who vouches for it. Pure.

The signature is that of Standard Webhooks, https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body. What
cannot be sent as it is raises ValueError, whose text repeats neither the URL nor a secret.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import orjson

from notifier.errors import TemplateError

MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes."""
_PREFIX = "whsec_"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~\xa0-\xff](?:[ \t!-~\xa0-\xff]*[!-~\xa0-\xff])?")
_OURS = re.compile(
    r"connection|content-.*|expect|host|idempotency-key|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade"
    r"|user-agent|webhook-.*",
    re.IGNORECASE,
)


def endpoint(to: object, *, allow_http: bool) -> httpx.URL:
    """The URL, in the one spelling that all of its spellings have in common."""
    try:
        url = httpx.URL(str(to).strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise ValueError("the URL in `to` cannot be understood") from None
    if url.scheme != "https" and not (url.scheme == "http" and allow_http):
        raise ValueError("the URL in `to` does not start with https://")
    if not url.host:
        raise ValueError("the URL in `to` names no host")
    if url.userinfo:
        raise ValueError("the URL in `to` holds a user or a password: put them into a header")
    return url


def json_body(payload: Any) -> bytes:
    """The payload as JSON; the values of a DynamoDB item too. Raises TemplateError."""
    try:
        return orjson.dumps(payload, default=_plain)
    except TypeError as error:
        raise TemplateError(f"the payload cannot be written as JSON: {error}") from None


def secrets_of(text: str) -> tuple[bytes, ...]:
    """The signing secrets, separated by commas: while one is replaced by another, both sign."""
    return tuple(_secret(each.strip()) for each in text.split(",") if each.strip())


def signed_headers(
    id_: UUID, body: bytes, seconds: int, secrets: Iterable[bytes], own: Mapping[str, str]
) -> dict[str, str]:
    """All headers of the request. `own` are the route's, `seconds` the time of this attempt since 1970."""
    signatures = " ".join(f"v1,{_signature(secret, f'{id_}.{seconds}.', body)}" for secret in secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "notifier",
        **{name: _checked(name, value) for name, value in own.items()},
        "Idempotency-Key": str(id_),
        "webhook-id": str(id_),
        "webhook-timestamp": str(seconds),
        "webhook-signature": signatures,
    }


def _signature(secret: bytes, head: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, head.encode() + body, "sha256")).decode()


def _secret(text: str) -> bytes:
    if not text.startswith(_PREFIX):
        raise ValueError(f"a secret does not start with {_PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is not base64") from None
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise ValueError(f"a secret has {len(secret)} bytes; {MIN_SECRET} to {MAX_SECRET} are good")
    return secret


def _checked(name: object, value: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{str(name)[:100]!r} is not a valid header name")
    if _OURS.fullmatch(name):
        raise ValueError(f"the header {name} is not for a route to set")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(f"the header {name} is empty, not a text, or holds what no header may")
    return value


def _plain(value: object) -> Any:
    """What orjson does not know: DynamoDB's numbers, bytes and sets; these sorted, to be the same each time."""
    match value:
        case Decimal():
            return orjson.Fragment(str(value))
        case set() | frozenset():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return dict(value)
    raise TypeError(f"there is no JSON for {type(value).__name__}")
