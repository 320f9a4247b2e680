"""Every answer and every failure of SES, and what it means. Pure: one table each for codes, statuses, exceptions.

The tables list what is *known not accepted*. Whatever is on none of them is `Unknown`, as the request may have
been accepted (notes of AWS and of botocore: SendEmail has no idempotency token, so a wrong guess is a second mail).
"""

import re
from typing import NamedTuple

from notifier.outcomes import Accepted, Blocked, NotSent, Rejected, Throttled

OPERATIONS = frozenset(("SendEmail", "SendBulkEmail"))
_ADDRESS = re.compile(r"[^\s<>@,;:'\"]+(?=@)")
_REASON_LENGTH = 500


class Verdict(NamedTuple):
    """The outcome, and what to do about it where somebody must act."""

    outcome: type[NotSent | Throttled | Blocked | Rejected]
    advice: str = ""


SLOWER = Verdict(Throttled)
REFUSED = Verdict(Rejected)
AGAIN = Verdict(NotSent)
PAUSED = Verdict(Blocked, "sending is paused in AWS: see the account dashboard of SES, and AWS' mail about it")
QUOTA = Verdict(Blocked, "the quota of the last 24 hours is used up: wait, or ask AWS for a higher sending quota")
UNVERIFIED = Verdict(Blocked, "verify the identity in SES; in the SES sandbox every recipient needs it too")
MISSING = Verdict(Blocked, "SES lacks what is named here: check NOTIFIER_SES_CONFIGURATION_SET, region and endpoint")
POOL = Verdict(Blocked, "the sending pool of the configuration set is not valid: mend it in SES")
CREDENTIALS = Verdict(
    Blocked, "AWS did not take the credentials: check them, their permission ses:SendEmail, and this machine's clock"
)
CONFIGURATION = Verdict(Blocked, "the AWS SDK cannot be used as configured: check its settings and NOTIFIER_AWS_*")
UNREACHABLE = Verdict(Blocked, "SES cannot be reached: check the network, proxy and NOTIFIER_AWS_SES_ENDPOINT_URL")

CODES: dict[str, Verdict] = {
    # Modelled by SendEmail and SendBulkEmail.
    "TooManyRequestsException": SLOWER,
    "LimitExceededException": SLOWER,
    "AccountSuspendedException": PAUSED,
    "SendingPausedException": PAUSED,
    "MailFromDomainNotVerifiedException": UNVERIFIED,
    "NotFoundException": MISSING,
    "MessageRejected": REFUSED,
    "BadRequestException": REFUSED,
    # Not modelled, but sent: by the older API, by the service's front door, or by both.
    "AccountSendingPausedException": PAUSED,
    "ConfigurationSetSendingPausedException": PAUSED,
    "ConfigurationSetDoesNotExistException": MISSING,
    "ConfigurationSetDoesNotExist": MISSING,
    "InvalidParameterValue": REFUSED,
    "ValidationException": REFUSED,
    "SerializationException": REFUSED,
    "RequestEntityTooLarge": REFUSED,
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequests",
            "SlowDown",
        ),
        SLOWER,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "OptInRequired",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        CREDENTIALS,
    ),
}

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
"""Answers whose code is not in the table. Each of these refuses a request before it is acted upon."""

TEXTS: tuple[tuple[str, Verdict], ...] = (
    ("is not verified", UNVERIFIED),
    ("daily message quota exceeded", QUOTA),
    ("sending suspended", PAUSED),
    ("sending paused", PAUSED),
)
"""Parts of messages, in lower case, that say more than their code does."""

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
"""What became of one entry of SendBulkEmail, with the older names that its documentation still uses."""
