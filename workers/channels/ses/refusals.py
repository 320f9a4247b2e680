"""What an answer of SES says about the request. Pure: one table each for codes, statuses and texts.

The tables hold what is known not accepted. An answer that is in none of them is `Unknown`: SendEmail has no
idempotency token, so that a wrong guess would be a second mail.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

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

OPERATIONS = frozenset(("SendEmail", "SendBulkEmail"))

AGAIN = Refusal(NotSent)
QUOTA = Refusal(Blocked, "the quota of the last 24 hours is used up: wait, or ask AWS for a higher one")
PAUSED = Refusal(Blocked, "sending is stopped: see the account and the configuration set in the SES console")
UNVERIFIED = Refusal(Blocked, "verify the identity in SES; in the SES sandbox every recipient needs it too")
MISSING = Refusal(Blocked, "check NOTIFIER_SES_CONFIGURATION_SET, the region and the endpoint")
POOL = Refusal(Blocked, "the configuration set names no valid sending pool: mend it in SES")
TRACKING = Refusal(Blocked, "mend the configuration set in SES: its tracking or redirect domain is not usable")
TENANT = Refusal(Blocked, "associate the identity and the configuration set with the tenant in SES")

CODES: dict[str, Refusal] = {
    **FRONT_DOOR,
    "LimitExceededException": SLOWER,
    "AccountSuspendedException": PAUSED,
    "SendingPausedException": PAUSED,
    "MailFromDomainNotVerifiedException": UNVERIFIED,
    "NotFoundException": MISSING,
    "MessageRejected": REFUSED,
    "BadRequestException": REFUSED,
    # Not in the model of these operations: the older API's.
    "AccountSendingPausedException": PAUSED,
    "ConfigurationSetSendingPausedException": PAUSED,
    "ConfigurationSetDoesNotExist": MISSING,
    "ConfigurationSetDoesNotExistException": MISSING,
    "TemplateDoesNotExist": MISSING,
    "InvalidAction": MISSING,
    "UnknownOperationException": MISSING,
    "InvalidParameterValue": REFUSED,
    "SerializationException": REFUSED,
    "ValidationException": REFUSED,
}

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

TEXTS: tuple[tuple[re.Pattern[str], Refusal], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), verdict)
    for pattern, verdict in (
        (
            r"(?:is|are|has|have|address|domain|identity) not (?:been )?verified|failed the check",
            UNVERIFIED,
        ),
        (r"(?:redirect|tracking) (?:sub)?domain|\bcustom domain", TRACKING),
        (
            r"daily (?:message|sending) quota|24.hour (?:sending )?quota|sending quota (?:was |has been )?exceeded",
            QUOTA,
        ),
        (r"maximum sending rate|\brate exceeded", SLOWER),
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
"""What a message says, whatever the code it comes with, that is no fault of one mail: SES has no codes of its own for
most settings (`BadRequestException: Configuration set <x> does not exist.`). The first that is found counts.
Addresses are taken out of the message before: they may hold any of these words.
"""

BULK_STATUSES: dict[str, Refusal | type[Accepted]] = {
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
_OF_AN_ADDRESS = re.compile(
    r"(?:local address|domain (?:contains|starts|ends)|illegal|missing|address length|invalid (?:email )?address)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"'[^']*@[^']*'|\"[^\"]*@[^\"]*\"|\"[^\"]*\"@[\w.-]*|[^\s<>@,;:'\"]*@[\w.-]*")
_DOMAIN = re.compile(r"(?<=@)[\w-]+(?:\.[\w-]+)*")


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """A 200 is an acceptance, even one that was cut off before the id."""
    return Accepted(_text(answer, "MessageId"))


def outcomes_of_bulk_answer(answer: Mapping[str, Any], entries: int) -> list[Outcome]:
    """One for each entry, in order. A 200 that does not speak of each entry says nothing about any."""
    results = answer.get("BulkEmailEntryResults")
    if (
        not isinstance(results, list)
        or len(results) != entries
        or not all(isinstance(each, dict) for each in results)
    ):
        return [Unknown(f"the answer does not have one result for each of {entries} entries")] * entries
    return [_of_result(result) for result in results]


def outcome_of_error(error: Exception) -> Outcome:
    """What became of a request of `OPERATIONS` that raised."""
    return _of_refusal(error) if isinstance(error, AwsError) else outcome_of_failure(error)


def by_whose_fault(outcomes: Sequence[Outcome], senders: Sequence[str], sender: str) -> list[Outcome]:
    """An identity that is not verified blocks the account where it is that of `sender`, the one of all messages.

    It is one message's own where that came with another of `senders`, where SES took others of the same sender, or
    names only others, as it does with recipients in its sandbox. All are bare mailboxes.
    """
    pairs = list(zip(outcomes, senders, strict=True))
    taken = any(isinstance(outcome, Accepted) and its == sender for outcome, its in pairs)
    return [
        NotSent(outcome.reason)
        if is_unverified(outcome) and (taken or its != sender or _names_others(outcome.reason, sender))
        else outcome
        for outcome, its in pairs
    ]


def is_unverified(outcome: Outcome) -> TypeGuard[Blocked]:
    """Whether SES does not know somebody in the request: it does not always say whom."""
    return isinstance(outcome, Blocked) and outcome.reason.endswith(UNVERIFIED.advice)


def is_throttle(error: Exception) -> bool:
    """Whether SES said that requests come too fast."""
    return isinstance(error, AwsError) and _verdict(error) is SLOWER


def may_be_one_entry(error: Exception) -> bool:
    """Whether a whole bulk call was refused for what may be the fault of one entry: the others may go without it."""
    if not isinstance(error, AwsError):
        return False
    verdict = _verdict(error)
    return verdict in (AGAIN, REFUSED) or (verdict is UNVERIFIED and CODES.get(error.code) is REFUSED)


def _names_others(reason: str, sender: str) -> bool:
    named = [each.lower() for each in _DOMAIN.findall(reason)]
    return bool(named) and sender.rpartition("@")[2] not in named


def _of_refusal(error: AwsError) -> Outcome:
    reason = _MAILBOX.sub("…", f"{error.status} {error}")
    if error.operation not in OPERATIONS:
        # The SDK asked another service for credentials, and was refused before it could send.
        return CREDENTIALS.because(f"{error.operation}: {reason}")
    verdict = _verdict(error)
    return verdict.because(reason) if verdict else Unknown(discreet(reason))


def _of_result(result: Mapping[str, Any]) -> Outcome:
    status, text = _text(result, "Status") or "", _text(result, "Error") or ""
    verdict = BULK_STATUSES.get(status)
    if verdict is Accepted:
        return Accepted(_text(result, "MessageId"))
    reason = _MAILBOX.sub("…", f"{status}: {text}")
    return (_told_by(text) or verdict).because(reason) if isinstance(verdict, Refusal) else Unknown(discreet(reason))


def _verdict(error: AwsError) -> Refusal | None:
    known = CODES.get(error.code)
    if error.code in UNSURE or (known is not SLOWER and error.status not in STATUSES):
        return None
    return _told_by(error.message) or known or STATUSES[error.status]


def _told_by(text: str) -> Refusal | None:
    if _OF_AN_ADDRESS.match(text):
        return None
    said = _ADDRESS.sub("", text)
    return next((verdict for pattern, verdict in TEXTS if pattern.search(said)), None)


def _text(answer: Mapping[str, Any], name: str) -> str | None:
    found = answer.get(name)
    return found if isinstance(found, str) else None
