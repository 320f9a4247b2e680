"""What the errors of SNS to Publish mean: its codes and its texts. Pure.

SNS sends no events about SMS: it cannot be found out later whether a Publish whose answer was lost was accepted.
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from notifier.aws import AwsError
from notifier.outcomes import Accepted, Blocked, Outcome
from notifier.sms import PHONE_NUMBER
from workers.channels.aws.failures import outcome_of_failure
from workers.channels.aws.refusals import (
    COMMON_CODES,
    CREDENTIALS,
    REJECTED,
    THROTTLED,
    Refusal,
    RefusalTable,
)
from workers.channels.sms.refusals import MISSING, SANDBOX, SPENT

SENDER = Refusal(
    Blocked, "check NOTIFIER_SMS_SENDER_ID and the other NOTIFIER_SMS_*, and what the account may send from"
)
KEYS = Refusal(Blocked, "check the KMS key of SNS and the permissions to use it")
NOT_OPEN = Refusal(Blocked, "open SMS for this account: AWS End User Messaging or the SNS console, SMS sandbox")

CODES: dict[str, Refusal] = {
    **COMMON_CODES,
    "InvalidParameter": REJECTED,
    "InvalidParameterException": REJECTED,
    "InvalidParameterValue": REJECTED,
    "ParameterValueInvalid": REJECTED,
    "ValidationError": REJECTED,
    "ValidationException": REJECTED,
    "OptedOut": REJECTED,
    "OptedOutException": REJECTED,
    "Throttled": THROTTLED,
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
    "KMSThrottling": THROTTLED,
    "KMSThrottlingException": THROTTLED,
}

TEXTS: tuple[tuple[re.Pattern[str], Refusal], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), refusal)
    for pattern, refusal in (
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
"""Texts of errors that are not the fault of one SMS: a wrong setting has the code `InvalidParameter` too."""

TABLE = RefusalTable(
    operations=frozenset(("Publish",)),
    codes=CODES,
    missing=MISSING,
    texts=TEXTS,
    recipient=PHONE_NUMBER,
    codes_first=True,
)


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a Publish that was answered with 200. It is accepted, even without an id.

    Also if the recipient has opted out: SNS drops the SMS later.
    """
    return Accepted(answer.get("MessageId"))


def outcome_of_error(error: Exception, *, own_sender: bool = False) -> Outcome:
    """Return the outcome of a Publish that raised. `own_sender`: the route names the sender of this SMS."""
    if not isinstance(error, ClientError):
        return outcome_of_failure(error)
    answer = AwsError.of(error)
    refusal = TABLE.refusal(answer)
    return TABLE.outcome(answer, REJECTED if refusal is SENDER and own_sender else refusal)
