"""What an answer of SNS to Publish says about the SMS. Pure: one table each for codes and statuses.

The tables hold what is known not accepted. An answer that is in none of them is `Unknown`: Publish to a number knows
no idempotency token, and no event says what became of it, so that a wrong guess would be a second SMS.
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from notifier.aws import AwsError
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Unknown, discreet
from workers.channels.aws.failures import (
    CREDENTIALS,
    FRONT_DOOR,
    REFUSED,
    SLOWER,
    UNREACHABLE,
    UNSURE,
    Refusal,
    outcome_of_failure,
)

OPERATION = "Publish"

AGAIN = Refusal(NotSent)
MISSING = Refusal(Blocked, "check the region and the endpoint: SMS is not offered in every region")
SENDER = Refusal(
    Blocked, "check NOTIFIER_SMS_SENDER_ID and the other NOTIFIER_SMS_*, and what the account may send from"
)
SPENT = Refusal(Blocked, "ask AWS for a higher limit of SMS or of spending, or wait for the next month")
SANDBOX = Refusal(NotSent, "in the SMS sandbox each number has to be verified first: ask AWS to leave it")
KEYS = Refusal(Blocked, "check the KMS key of SNS and the permissions to use it")
NOT_OPEN = Refusal(Blocked, "open SMS for this account: AWS End User Messaging or the SNS console, SMS sandbox")

CODES: dict[str, Refusal] = {
    **FRONT_DOOR,
    "InvalidParameter": REFUSED,
    "InvalidParameterException": REFUSED,
    "InvalidParameterValue": REFUSED,
    "ParameterValueInvalid": REFUSED,
    "ValidationError": REFUSED,
    "ValidationException": REFUSED,
    "OptedOut": REFUSED,
    "OptedOutException": REFUSED,
    "Throttled": SLOWER,
    "AuthorizationError": CREDENTIALS,
    "AuthorizationErrorException": CREDENTIALS,
    "InvalidSecurity": CREDENTIALS,
    "InvalidAction": MISSING,
    "NotFound": MISSING,
    "NotFoundException": MISSING,
    "OptInRequired": NOT_OPEN,
    **dict.fromkeys(
        (
            f"KMS{what}{suffix}"
            for what in ("AccessDenied", "Disabled", "InvalidState", "NotFound", "OptInRequired")
            for suffix in ("", "Exception")
        ),
        KEYS,
    ),
    "KMSThrottling": SLOWER,
    "KMSThrottlingException": SLOWER,
}

TEXTS: tuple[tuple[re.Pattern[str], Refusal], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), verdict)
    for pattern, verdict in (
        (r"sandbox|not (?:a )?verified|unverified", SANDBOX),
        (
            r"spend(?:ing)?[ -]?limit|MonthlySpendLimit|\bquota\b|limit (?:is |has been )?(?:exceeded|reached)",
            SPENT,
        ),
        (
            r"sender ?id|originat|max ?price|sms ?type|entity ?id|template ?id|message ?attribute|AWS\.\w+\.SMS",
            SENDER,
        ),
        (
            (
                r"\b(?:account|sms|sending)\b[^.]{0,60}\b(?:suspended|paused|disabled|blocked|closed|not enabled"
                r"|not active|not subscribed|not signed up)"
            ),
            NOT_OPEN,
        ),
        (r"\bregion\b|TopicArn|TargetArn", MISSING),
        (r"not authorized|access denied|security token", CREDENTIALS),
    )
)
"""What a message says that is no fault of one SMS: `InvalidParameter` stands for settings as well as for numbers."""

STATUSES: dict[int, Refusal] = {
    400: AGAIN,
    401: CREDENTIALS,
    403: CREDENTIALS,
    404: MISSING,
    405: MISSING,
    407: UNREACHABLE,
    413: REFUSED,
    429: SLOWER,
}
"""For codes that are not in the table: these refuse a request before it is acted upon."""

_NUMBER = re.compile(r"\+?\d[\d ().-]{4,}\d")


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """A 200 is an acceptance, even one without an id. Also for a number that has opted out: SNS drops that later."""
    return Accepted(answer.get("MessageId"))


def outcome_of_error(error: Exception, *, own_sender: bool = False) -> Outcome:
    """What became of a Publish that raised. `own_sender`: the route names the sender."""
    return (
        _of_refusal(AwsError.of(error), own_sender) if isinstance(error, ClientError) else outcome_of_failure(error)
    )


def _of_refusal(error: AwsError, own_sender: bool) -> Outcome:
    reason = f"{error.status} {error.code}: {_NUMBER.sub('…', error.message)}"
    if error.operation != OPERATION:
        # The SDK asked another service for credentials, and was refused before it could send.
        return CREDENTIALS.because(f"{error.operation}: {reason}")
    verdict = _verdict(error.status, error.code, error.message)
    if verdict is SENDER and own_sender:
        verdict = REFUSED
    return verdict.because(reason) if verdict else Unknown(discreet(reason))


def _verdict(status: int, code: str, text: str) -> Refusal | None:
    known = CODES.get(code)
    if code in UNSURE or (known is not SLOWER and status not in STATUSES):
        return None
    if known is not None and known is not REFUSED:
        return known
    return next((verdict for pattern, verdict in TEXTS if pattern.search(text)), None) or known or STATUSES[status]
