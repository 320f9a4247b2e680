"""The outcome of a push by FCM's answer. Pure.

https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode has the codes. An answer that is none of them is
`Unknown`: FCM takes no idempotency key.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson

from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown, discreet
from workers.channels.webhook.answers import retry_after
from workers.channels.webhook.client import WebhookResponse

LEAST_WAIT = 60.0
"""Seconds. FCM asks to wait a minute after QUOTA_EXCEEDED if it names no time."""
_LONGEST = 300
_CREDENTIALS = "check GOOGLE_APPLICATION_CREDENTIALS, NOTIFIER_FCM_PROJECT and the role of the service account"
_THIRD_PARTY = "the Firebase project lacks a valid APNs key or Web Push key: upload one in its console"


def _blocked(reason: str) -> Outcome:
    return Blocked(f"{reason}; {_CREDENTIALS}")


def _third_party(reason: str) -> Outcome:
    return NotSent(f"{reason}; {_THIRD_PARTY}")


_REFUSED: dict[str, Callable[[str], Outcome]] = {
    "INVALID_ARGUMENT": Rejected,
    "SENDER_ID_MISMATCH": Rejected,
    "THIRD_PARTY_AUTH_ERROR": _third_party,
}
_STATUSES: dict[int, Callable[[str], Outcome]] = {400: Rejected, 401: _blocked, 403: _blocked, 404: _blocked}


def outcome_of_answer(answer: WebhookResponse, token: str) -> Outcome:
    """Return the outcome that an answer means. Its reason does not contain the token."""
    if answer.status == HTTPStatus.OK:
        return Accepted(_name(answer.body))
    code, text = _error(answer.body)
    reason = f"{answer.status} {discreet(code, token)}: {discreet(text, token)[:_LONGEST]}"
    after = retry_after(answer.headers.get("retry-after"))
    if code == "UNREGISTERED":
        return Rejected(f"{reason}; the app was removed, or its token is replaced", gone=True)
    if code == "QUOTA_EXCEEDED" or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(reason, LEAST_WAIT if after is None else after)
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None:
        return Throttled(reason, after)
    return _REFUSED.get(code, _STATUSES.get(answer.status, Unknown))(reason)


def _name(body: str) -> str | None:
    """Return the id in an answer, None if it has none: the push was accepted in any case."""
    try:
        name = orjson.loads(body)["name"]
    except (ValueError, LookupError, TypeError):
        return None
    return name.rpartition("/")[2] if isinstance(name, str) else None


def _error(body: str) -> tuple[str, str]:
    """Return the code of FCM, or else the status of the error, and its text. The body may be cut off."""
    try:
        error: dict[str, Any] = orjson.loads(body)["error"]
        details = [each for each in error.get("details", ()) if isinstance(each, dict)]
        codes = [each["errorCode"] for each in details if isinstance(each.get("errorCode"), str)]
        return (codes or [str(error.get("status", ""))])[0], str(error.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", body
