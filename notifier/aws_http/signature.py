"""Signature Version 4 of a POST, as AWS documents it. Pure: the time is a parameter.

This is our own code because the SDK's signer takes 50 µs a request beside the hash of its body, which is a third of
what a request costs; this one takes 12.
"""

import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from time import gmtime, strftime
from typing import Any
from urllib.parse import quote

from botocore.utils import normalize_url_path

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    path: str, headers: Mapping[str, str], body: bytes, credentials: Any, service: str, region: str, seconds: float
) -> dict[str, str]:
    """Return the `headers`, all of which are signed, with those that sign them.

    `path` is that of the URL, which has no query; `headers` has Host. `credentials` are frozen ones of the SDK.
    `seconds` is the time since 1970.
    """
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))
    day = moment[:8]
    signed = {**headers, "X-Amz-Date": moment}
    if credentials.token:
        signed["X-Amz-Security-Token"] = credentials.token
    canonical = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join([name for name, _ in canonical])
    lines = ["POST", _canonical_path(path), "", *(f"{name}:{value}" for name, value in canonical), "", names]
    request = "\n".join([*lines, sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_key(credentials.secret_key, day, region, service), text.encode(), "sha256").hex()
    signed["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


@lru_cache(maxsize=4)  # for a day; a process sends to one or two services
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for each in (day, region, service, "aws4_request"):
        key = hmac.digest(key, each.encode(), "sha256")
    return key


@lru_cache(maxsize=16)
def _canonical_path(path: str) -> str:
    return quote(normalize_url_path(path), safe="/~")
