"""The outcome of a webhook: from the receiver's answer, or from the exception of a failed request.

Standard Webhooks has two answers: 2xx is an acceptance, everything else a failure. Here only answers that refuse a
request before it is acted on mean "not accepted". All others are `Unknown`, and sent again under the same key.
"""

import re
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpcore
import httpx

from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown, discreet
from workers.channels.webhook.client import WebhookResponse
from workers.channels.webhook.network import AddressRefused

LATER = frozenset((408, 409, 425, 429, 503))
"""Request timeout, conflict, too early, too many requests, unavailable: with Retry-After known not accepted."""

NOT_NOW = frozenset((408, 409, 425))
"""Known not accepted, also without Retry-After."""

BEFORE_THE_REQUEST = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)
"""Raised while no byte of the request was written."""
_BODY_LENGTH = 200
_KEY_LENGTH = 8
_SEPARATORS = re.compile("[/?&=;]")


def outcome_of_answer(answer: WebhookResponse, url: httpx.URL) -> Outcome:
    """Return the outcome that an answer means. Its reason does not contain the URL."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004
        return Accepted(None)
    body = _reason(answer.body, url)[:_BODY_LENGTH]  # cut last: half of a key would not be found
    reason = _reason(f"{status} {_phrase(status)}: {body}", url)
    after = retry_after(answer.headers.get("retry-after"))
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status in LATER and after is not None):
        return Throttled(reason, after)
    if status in NOT_NOW:
        return NotSent(reason)
    if 300 <= status < 400:  # noqa: PLR2004
        return Rejected(f"{status} {_phrase(status)}: redirects are not followed; name the final URL")
    if 400 <= status < 500:  # noqa: PLR2004
        return Rejected(reason)
    return Unknown(reason)


def outcome_of_failure(
    error: Exception, url: httpx.URL, *, setting: str = "NOTIFIER_WEBHOOK_ALLOW_PRIVATE"
) -> Outcome:
    """Return the outcome of a request that ended in this exception instead of an answer.

    `setting` is the variable that would allow a private address.
    """
    if isinstance(error, AddressRefused):
        return Rejected(f"the host is in a private network; {setting}=true would allow it")
    reason = _reason(f"{type(error).__name__}: {error}", url)
    return NotSent(reason) if isinstance(error, BEFORE_THE_REQUEST) else Unknown(reason)


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date. None if it is missing or invalid."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _reason(text: str, url: httpx.URL) -> str:
    """Return the text without the URL or parts of it: receivers quote it, and many have their key in it."""
    path = url.raw_path.decode()
    pieces = (each for each in _SEPARATORS.split(path) if len(each) >= _KEY_LENGTH)
    parts = (str(url), path, url.path, url.netloc.decode(), url.host, *pieces)
    return discreet(text, *(each for each in parts if len(each) > 1)).strip(" :")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
