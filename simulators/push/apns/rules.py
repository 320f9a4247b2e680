"""The requests that APNs refuses, whatever its provider token is. Pure."""

import json
import re
from collections.abc import Mapping
from uuid import UUID

LARGEST = 4_096
_PATH = re.compile(r"/3/device/([^/]*)")
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){16,128}")
_TYPES = frozenset(("alert", "background"))

Refusal = tuple[int, str]


def refusal_of(headers: Mapping[str, str], body: bytes, topic: str) -> Refusal | None:
    """Return status and reason of a refusal; None if the request is as it must be."""
    path = _PATH.fullmatch(headers[":path"])
    if headers[":method"] != "POST":
        return 405, "MethodNotAllowed"
    if path is None:
        return 404, "BadPath"
    return next((each for each in _refusals(path[1], headers, body, topic) if each), None)


def _refusals(token: str, headers: Mapping[str, str], body: bytes, topic: str) -> "list[Refusal | None]":
    expiration = headers.get("apns-expiration", "0")
    given = headers.get("apns-topic", "")
    return [
        None if given else (400, "MissingTopic"),
        None if given == topic else (400, "TopicDisallowed"),
        None if headers.get("apns-push-type") in _TYPES else (400, "InvalidPushType"),
        None if headers.get("apns-priority", "10") in {"10", "5", "1"} else (400, "BadPriority"),
        None if expiration.isdigit() else (400, "BadExpirationDate"),
        None if len(headers.get("apns-collapse-id", "").encode()) <= 64 else (400, "BadCollapseId"),  # noqa: PLR2004
        None if _is_uuid(headers.get("apns-id")) else (400, "BadMessageId"),
        (400, "PayloadEmpty") if not _has_aps(body) else None,
        (413, "PayloadTooLarge") if len(body) > LARGEST else None,
        None if _TOKEN.fullmatch(token) and token.strip("0") else (400, "BadDeviceToken"),
    ]


def _is_uuid(text: str | None) -> bool:
    try:
        return text is None or str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _has_aps(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body)["aps"], dict)
    except (ValueError, LookupError, TypeError):
        return False
