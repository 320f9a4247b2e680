"""What the errors of SES mean: its codes, its texts, and the statuses of the entries of a bulk call. Pure data."""

import re

from notifier.outcomes import Accepted, Blocked
from workers.channels.aws.refusals import (
    COMMON_CODES,
    CREDENTIALS,
    NOT_SENT,
    REJECTED,
    THROTTLED,
    Refusal,
    RefusalTable,
)

QUOTA = Refusal(Blocked, "the quota of the last 24 hours is used up: wait, or ask AWS for a higher one")
PAUSED = Refusal(Blocked, "sending is stopped: see the account and the configuration set in the SES console")
UNVERIFIED = Refusal(Blocked, "verify the identity in SES; in the SES sandbox every recipient needs it too")
MISSING = Refusal(Blocked, "check NOTIFIER_SES_CONFIGURATION_SET, the region and the endpoint")
POOL = Refusal(Blocked, "the configuration set names no valid sending pool: correct it in SES")
TRACKING = Refusal(Blocked, "correct the configuration set in SES: its tracking or redirect domain is not usable")
TENANT = Refusal(
    Blocked, "associate the identity and the configuration set with the tenant in SES, and resume it if it is paused"
)

CODES: dict[str, Refusal] = {
    **COMMON_CODES,
    "LimitExceededException": THROTTLED,
    "AccountSuspendedException": PAUSED,
    "SendingPausedException": PAUSED,
    "MailFromDomainNotVerifiedException": UNVERIFIED,
    "NotFoundException": MISSING,
    "MessageRejected": REJECTED,
    "BadRequestException": REJECTED,
    # Not in the model of these operations: the older API's.
    "AccountSendingPausedException": PAUSED,
    "ConfigurationSetSendingPausedException": PAUSED,
    "ConfigurationSetDoesNotExist": MISSING,
    "ConfigurationSetDoesNotExistException": MISSING,
    "TemplateDoesNotExist": MISSING,
    "InvalidAction": MISSING,
    "UnknownOperationException": MISSING,
    "InvalidParameterValue": REJECTED,
    "SerializationException": REJECTED,
    "ValidationException": REJECTED,
}

TEXTS: tuple[tuple[re.Pattern[str], Refusal], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), refusal)
    for pattern, refusal in (
        (
            r"(?:is|are|has|have|address|domain|identity) not (?:been )?verified|failed the check",
            UNVERIFIED,
        ),
        (r"(?:redirect|tracking) (?:sub)?domain|\bcustom domain", TRACKING),
        (
            r"daily (?:message|sending) quota|24.hour (?:sending )?quota|sending quota (?:was |has been )?exceeded",
            QUOTA,
        ),
        (r"maximum sending rate|\brate exceeded", THROTTLED),
        (r"sending ?(?:pool|ip)\b|\bip pool|dedicated ip", POOL),
        (r"\btenant\b", TENANT),
        (
            (
                r"\bsending\b[^.]{0,60}\b(?:suspended|paused|disabled|not enabled|not allowed|shut ?down)"
                r"|\baccount\b[^.]{0,60}\b(?:suspended|paused|disabled|blocked|closed|shut ?down|under review)"
                r"|\b(?:suspended|paused|disabled)\b[^.]{0,40}\b(?:account|configuration set)"
            ),
            PAUSED,
        ),
        (r"configuration[- ]?set|configurationset|\bendpoint ?id\b|multi-region endpoint", MISSING),
        (r"not (?:subscribed|signed up)|not (?:available|supported) in (?:this|the) region", MISSING),
        (r"not authorized|access denied|security token|signature (?:we calculated|expired|not yet)", CREDENTIALS),
    )
)
"""Texts of errors, with any code, that are not the fault of one mail: SES has no codes of its own for most settings
(`BadRequestException: Configuration set <x> does not exist.`).
"""

BULK_STATUSES: dict[str, Refusal | type[Accepted]] = {
    "SUCCESS": Accepted,
    "ACCOUNT_THROTTLED": THROTTLED,
    "TRANSIENT_FAILURE": NOT_SENT,
    "FAILED": NOT_SENT,
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
    "MESSAGE_REJECTED": REJECTED,
    "INVALID_PARAMETER": REJECTED,
    "INVALID_PARAMETER_VALUE": REJECTED,
}
"""The status of one entry in the answer to SendBulkEmail. The longer names are those of its documentation."""

OF_THE_OPERATION = frozenset(
    (
        "AccessDenied",
        "AccessDeniedException",
        "NotAuthorized",
        "UnauthorizedOperation",
        # An endpoint without the operation. Some emulators answer with a bare status.
        "InvalidAction",
        "UnknownOperationException",
        "404",
        "405",
    )
)
"""Codes that may say that this operation is not allowed, or not there, while another one is."""

_MAILBOX = re.compile(r"[^\s<>@,;:'\"]+(?=@)")
_ABOUT_AN_ADDRESS = re.compile(
    r"(?:local address|domain (?:contains|starts|ends)|illegal|missing|address length|invalid (?:email )?address)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"'[^']*@[^']*'|\"[^\"]*@[^\"]*\"|\"[^\"]*\"@[\w.-]*|[^\s<>@,;:'\"]*@[\w.-]*")


def _without_addresses(text: str) -> str:
    """Return the text without addresses, which may hold any word of TEXTS. Empty if it is about an address."""
    return "" if _ABOUT_AN_ADDRESS.match(text) else _ADDRESS.sub("", text)


TABLE = RefusalTable(
    operations=frozenset(("SendEmail", "SendBulkEmail")),
    codes=CODES,
    missing=MISSING,
    texts=TEXTS,
    recipient=_MAILBOX,
    searched=_without_addresses,
)
