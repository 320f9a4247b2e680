"""One webhook as a request: URL, body, headers and signature. Pure.

The signature is that of Standard Webhooks, https://www.standardwebhooks.com: HMAC-SHA256 over id, time and body. What
cannot be sent raises ValueError, whose text repeats neither the URL nor a secret.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import orjson

from notifier.errors import TemplateError
from notifier.text import one_line, sound, trimmed
from workers.channels.header import ascii_urls

MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes of a signing secret."""
_PREFIX = "whsec_"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[!-~\xa0-\xff](?:[ \t!-~\xa0-\xff]*[!-~\xa0-\xff])?")
_RESERVED = re.compile(
    r"connection|content-.*|expect|host|idempotency-key|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade"
    r"|user-agent|webhook-.*",
    re.IGNORECASE,
)
_NOT_SOUND = re.compile(rb"\\u00[01]|\\[bf]|\x7f|\xc2[\x80-\x9f]")
"""What JSON writes for a control character other than tab and line break."""
_MANY_DIGITS = 400
"""Numbers with more digits keep their exponent: those of DynamoDB have at most 130."""


def endpoint(to: object, *, allow_http: bool, what: str = "the URL in `to`") -> httpx.URL:
    """Return the URL, normalized: the same for all of its spellings. Raise ValueError, whose text begins with `what`,
    for an invalid one.
    """
    try:
        url = httpx.URL(trimmed(str(to))).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise ValueError(f"{what} cannot be understood") from None
    if url.scheme != "https" and not (url.scheme == "http" and allow_http):
        raise ValueError(f"{what} does not start with https://")
    if not url.host:
        raise ValueError(f"{what} names no host")
    if url.userinfo:
        raise ValueError(f"{what} holds a user or a password: put them into a header")
    return url


def spelled(to: str) -> str:
    """Return the URL as suppressions spell it: normalized, or as it was given if it is invalid."""
    try:
        return str(endpoint(to, allow_http=True))
    except ValueError:
        return to.strip()


def origin(url: httpx.URL) -> str:
    """Return scheme, host and port."""
    return f"{url.scheme}://{url.netloc.decode()}"


def json_body(payload: Any) -> bytes:
    """Return the payload as JSON. Raise TemplateError for what has none.

    Values of a DynamoDB item are allowed: numbers keep all digits, in plain notation; bytes are base64; sets are
    sorted lists. Control characters are replaced as on every channel: see `notifier.text.sound`.
    """
    try:
        try:
            body = orjson.dumps(payload, default=_plain)
        except TypeError:  # orjson does not call `default` for an integer beyond 64 bits or half a surrogate pair
            return orjson.dumps(_copied(payload), default=_plain)
        return orjson.dumps(_copied(payload), default=_plain) if _NOT_SOUND.search(body) else body
    except (TypeError, ValueError, RecursionError) as error:
        raise TemplateError(f"the payload cannot be written as JSON: {sound(str(error))}") from None


def secrets_of(text: str) -> tuple[bytes, ...]:
    """Return the signing secrets, which are separated by commas. Each signs: two while one replaces the other."""
    return tuple(_secret(each.strip()) for each in text.split(",") if each.strip())


def signed_headers(
    id_: UUID, body: bytes, seconds: int, secrets: Iterable[bytes], own: Mapping[str, str]
) -> dict[str, str]:
    """Return all headers of the request. `own` are the route's; `seconds` is the time of this attempt since 1970."""
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
    if _RESERVED.fullmatch(name):
        raise ValueError(f"the header {name} is set by Notifier, not by a route")
    if not isinstance(value, str) or not _VALUE.fullmatch(wire := ascii_urls(one_line(value))):
        raise ValueError(f"the header {name} is empty, not a text, or has a character that no header may have")
    return wire


def _copied(value: Any) -> Any:
    """Return a copy without control characters in texts, and with integers of any length."""
    if isinstance(value, Mapping):
        return {sound(name) if isinstance(name, str) else name: _copied(each) for name, each in value.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [_copied(each) for each in (sorted(value) if isinstance(value, AbstractSet) else value)]
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(int.__repr__(value))
    return value


def _plain(value: object) -> Any:
    """Return a value that orjson can write for DynamoDB's numbers, bytes and sets.

    Sets are sorted, so that each attempt has the same body.
    """
    match value:
        case Decimal():
            return orjson.Fragment(_number(value))
        case AbstractSet():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return dict(value)
    raise TypeError(f"there is no JSON for {type(value).__name__}")


def _number(value: Decimal) -> str:
    """Return plain notation, `300000` and not `3E+5`, which receivers read as a float. NaN is null, as orjson's."""
    if not value.is_finite():
        return "null"
    return format(value, "f") if abs(value.adjusted()) < _MANY_DIGITS else str(value)
