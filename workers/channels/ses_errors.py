"""What an answer of SES says about the request. Pure: one table each for codes, statuses and texts.

The tables hold what is known not accepted. An answer that is in none of them is `Unknown`: SendEmail has no
idempotency token, so that a wrong guess would be a second mail.
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Throttled, Unknown
from workers.channels.sdk_errors import (
    CREDENTIALS,
    REFUSED,
    UNREACHABLE,
    Verdict,
    one_line,
    outcome_of_failure,
)

OPERATIONS = frozenset(("SendEmail", "SendBulkEmail"))

AGAIN = Verdict(NotSent)
SLOWER = Verdict(Throttled)
QUOTA = Verdict(Blocked, "the quota of the last 24 hours is used up: wait, or ask AWS for a higher one")
PAUSED = Verdict(Blocked, "sending is stopped: see the account and the configuration set in the SES console")
UNVERIFIED = Verdict(Blocked, "verify the identity in SES; in the SES sandbox every recipient needs it too")
MISSING = Verdict(Blocked, "check NOTIFIER_SES_CONFIGURATION_SET, the region and the endpoint")
POOL = Verdict(Blocked, "the configuration set names no valid sending pool: mend it in SES")

CODES: dict[str, Verdict] = {
    "TooManyRequestsException": SLOWER,
    "LimitExceededException": SLOWER,
    "AccountSuspendedException": PAUSED,
    "SendingPausedException": PAUSED,
    "MailFromDomainNotVerifiedException": UNVERIFIED,
    "NotFoundException": MISSING,
    "MessageRejected": REFUSED,
    "BadRequestException": REFUSED,
    # Not in the model of these operations: the older API's, and those of AWS' front door.
    "AccountSendingPausedException": PAUSED,
    "ConfigurationSetSendingPausedException": PAUSED,
    "ConfigurationSetDoesNotExist": MISSING,
    "TemplateDoesNotExist": MISSING,
    "InvalidParameterValue": REFUSED,
    "SerializationException": REFUSED,
    "ValidationException": REFUSED,
    "RequestLimitExceeded": SLOWER,
    "RequestThrottled": SLOWER,
    "RequestThrottledException": SLOWER,
    "SlowDown": SLOWER,
    "ThrottledException": SLOWER,
    "Throttling": SLOWER,
    "ThrottlingException": SLOWER,
    "AccessDenied": CREDENTIALS,
    "AccessDeniedException": CREDENTIALS,
    "ExpiredToken": CREDENTIALS,
    "ExpiredTokenException": CREDENTIALS,
    "IncompleteSignature": CREDENTIALS,
    "InvalidClientTokenId": CREDENTIALS,
    "InvalidSignatureException": CREDENTIALS,
    "MissingAuthenticationToken": CREDENTIALS,
    "RequestExpired": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "UnrecognizedClientException": CREDENTIALS,
}

UNSURE = frozenset(("PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"))
"""Codes that say nothing about whether the request was acted upon, whatever their status."""

STATUSES: dict[int, Verdict] = {
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

TEXTS: dict[str, Verdict] = {
    "is not verified": UNVERIFIED,
    "daily message quota exceeded": QUOTA,
    "sending suspended": PAUSED,
    "sending paused": PAUSED,
}
"""Parts of messages, in lower case, that say more than the code they come with."""

BULK_STATUSES: dict[str, Verdict | type[Accepted]] = {
    "SUCCESS": Accepted,
    "ACCOUNT_THROTTLED": SLOWER,
    "TRANSIENT_FAILURE": AGAIN,
    "FAILED": AGAIN,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": QUOTA,
    "ACCOUNT_SENDING_PAUSED": PAUSED,
    "CONFIGURATION_SET_SENDING_PAUSED": PAUSED,
    "ACCOUNT_SUSPENDED": PAUSED,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": UNVERIFIED,
    "CONFIGURATION_SET_NOT_FOUND": MISSING,
    "CONFIGURATION_SET_DOES_NOT_EXIST": MISSING,
    "TEMPLATE_NOT_FOUND": MISSING,
    "TEMPLATE_DOES_NOT_EXIST": MISSING,
    "INVALID_SENDING_POOL_NAME": POOL,
    "MESSAGE_REJECTED": REFUSED,
    "INVALID_PARAMETER": REFUSED,
    "INVALID_PARAMETER_VALUE": REFUSED,
}
"""One entry of SendBulkEmail's answer; the longer names are those of its documentation."""

_MAILBOX = re.compile(r"[^\s<>@,;:'\"]+(?=@)")


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """A 200 is an acceptance, even one that was cut off before the id."""
    return Accepted(answer.get("MessageId"))


def outcome_of_error(error: Exception) -> Outcome:
    """What became of a request of `OPERATIONS` that raised."""
    return _of_refusal(error) if isinstance(error, ClientError) else outcome_of_failure(error)


def _of_refusal(error: ClientError) -> Outcome:
    fault = error.response.get("Error", {})
    code, text = str(fault.get("Code", "")), str(fault.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = _MAILBOX.sub("…", f"{status} {code}: {text}")
    if error.operation_name not in OPERATIONS:
        # The SDK asked another service for credentials, and was refused before it could send.
        return CREDENTIALS.because(f"{error.operation_name}: {reason}")
    verdict = _verdict(status, code, text)
    return verdict.because(reason) if verdict else Unknown(one_line(reason))


def _verdict(status: int, code: str, text: str) -> Verdict | None:
    known = CODES.get(code)
    if code in UNSURE or (known is not SLOWER and status not in STATUSES):
        return None
    for part, verdict in TEXTS.items():
        if part in text.lower():
            return verdict
    return known or STATUSES[status]
