"""The outcome of a push by APNs's answer. Pure.

https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns has the reasons.
With each of them APNs says that it has not taken the push. An answer that is not APNs's own is `Unknown`.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson

from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown, discreet
from workers.channels.push.apns.response import ApnsResponse
from workers.channels.webhook.answers import retry_after

EXPIRED = "ExpiredProviderToken"
UPDATES_SECONDS = 60.0
"""How long the channel waits after TooManyProviderTokenUpdates."""
_KEY = "check NOTIFIER_APNS_KEY, NOTIFIER_APNS_KEY_ID, NOTIFIER_APNS_TEAM_ID and NOTIFIER_APNS_ENVIRONMENT"
_CLOCK = "check the clock of this machine: APNs took its new token as expired, too"
_TOPIC = "check NOTIFIER_APNS_TOPIC: the bundle id of the app, for which the key must be allowed"
_UNPROVEN = (
    "the token is invalid, or of the other environment; it is not suppressed, because APNs has accepted no push of"
    " this process yet: check NOTIFIER_APNS_ENVIRONMENT"
)
_DEAD = "the app was removed, or its token is replaced"
_LONGEST = 100


def _blocked(advice: str) -> Callable[[str], Outcome]:
    return lambda reason: Blocked(f"{reason}; {advice}")


def _gone(reason: str) -> Outcome:
    return Rejected(f"{reason}; {_DEAD}", gone=True)


def _too_many_updates(reason: str) -> Outcome:
    return Throttled(reason, UPDATES_SECONDS)


_REASONS: dict[str, Callable[[str], Outcome]] = {
    "Unregistered": _gone,
    "ExpiredToken": _gone,
    "TooManyRequests": NotSent,  # to one device: others are not held up
    "TooManyProviderTokenUpdates": _too_many_updates,
    "IdleTimeout": NotSent,
    "Shutdown": NotSent,
    "InternalServerError": NotSent,
    "ServiceUnavailable": Throttled,
    EXPIRED: _blocked(_CLOCK),
    "InvalidProviderToken": _blocked(_KEY),
    "MissingProviderToken": _blocked(_KEY),
    "UnrelatedKeyIdInToken": _blocked(_KEY),
    "BadEnvironmentKeyIdInToken": _blocked(_KEY),
    "BadCertificate": _blocked(_KEY),
    "BadCertificateEnvironment": _blocked(_KEY),
    "Forbidden": _blocked(_KEY),
}
_OF_THE_TOPIC = frozenset(("BadTopic", "MissingTopic", "TopicDisallowed"))
_STATUSES: dict[int, Callable[[str], Outcome]] = {
    400: Rejected,
    403: _blocked(_KEY),
    404: Rejected,
    405: Rejected,
    410: _gone,
    413: Rejected,
    429: NotSent,
}


def reason_of(answer: ApnsResponse) -> str:
    """Return the reason that APNs gives. Empty if the answer has none."""
    try:
        found: Any = orjson.loads(answer.body)["reason"]
    except (ValueError, LookupError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def outcome_of_answer(answer: ApnsResponse, device: str, *, own_app: bool, proven: bool) -> Outcome:
    """Return the outcome that an answer means. Its reason does not contain the device token.

    `own_app`: the route named the app, and not NOTIFIER_APNS_TOPIC. `proven`: APNs has accepted a push of this
    process, so that its environment is the right one, and a token that APNs does not know is dead. Without that all
    tokens would be suppressed where the environment is set wrong.
    """
    if answer.status == HTTPStatus.OK:
        return Accepted(answer.headers.get("apns-id"))
    code = reason_of(answer)
    text = code or answer.body.decode("utf-8", "replace")
    told = f"{answer.status} {discreet(text, device, device.upper())[:_LONGEST]}"
    if code == "BadDeviceToken":
        return _gone(told) if proven else Rejected(f"{told}; {_UNPROVEN}")
    if code == "ServiceUnavailable":
        return Throttled(told, retry_after(answer.headers.get("retry-after")))
    if code in _OF_THE_TOPIC:
        return Rejected(told) if own_app else Blocked(f"{told}; {_TOPIC}")
    if code in _REASONS:
        return _REASONS[code](told)
    return _STATUSES.get(answer.status, Unknown)(told)
