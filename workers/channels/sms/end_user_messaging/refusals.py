"""What the errors of AWS End User Messaging to SendTextMessage mean, by their reasons. Pure."""

from collections.abc import Iterable

from botocore.exceptions import ClientError

from notifier.aws import AwsError
from notifier.outcomes import Blocked, NotSent, Outcome, Rejected
from notifier.sms import PHONE_NUMBER
from workers.channels.aws.failures import outcome_of_failure
from workers.channels.aws.refusals import (
    ACCOUNT,
    COMMON_CODES,
    REJECTED,
    STATUSES,
    THROTTLED,
    Refusal,
    RefusalTable,
)
from workers.channels.sms.refusals import MISSING, SANDBOX, SPENT

SENDER = Refusal(Blocked, "check NOTIFIER_SMS_ORIGINATION_IDENTITY and NOTIFIER_SMS_CONFIGURATION_SET")
COUNTRY = Refusal(NotSent, "the account cannot send to this country: it needs an identity or a registration there")
NOT_OPEN = Refusal(Blocked, "open SMS for this account, in the console of AWS End User Messaging")
TOO_DEAR = Refusal(Rejected, "it would cost more than NOTIFIER_SMS_MAX_PRICE")
PROTECTED = Refusal(Rejected, "a protect configuration of the account blocks this number or its country")


def _each(refusal: Refusal, *reasons: str) -> dict[str, Refusal]:
    return dict.fromkeys(reasons, refusal)


REASONS: dict[str, Refusal] = {
    **_each(REJECTED, "DESTINATION_PHONE_NUMBER_OPTED_OUT", "CANNOT_PARSE", "MAXIMUM_SIZE_EXCEEDED"),
    **_each(SANDBOX, "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"),
    **_each(
        PROTECTED,
        "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
        "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
    ),
    **_each(
        COUNTRY,
        "COUNTRY_CODE_MISMATCH",
        "COUNTRY_NOT_ENABLED",
        "DESTINATION_COUNTRY_BLOCKED",
        "INTERNATIONAL_SENDING_NOT_SUPPORTED",
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
        "NO_ORIGINATION_IDENTITIES_FOUND",
        "SENDER_ID_NOT_REGISTERED",
        "SENDER_ID_NOT_SUPPORTED",
        "SENDER_ID_REQUIRES_REGISTRATION",
    ),
    **_each(
        SENDER,
        "INVALID_ARN",
        "KEYWORD_MISMATCH",
        "MESSAGE_TYPE_MISMATCH",
        "NUMBER_CAPABILITIES_MISMATCH",
        "REGISTRATION_NOT_COMPLETE",
        "RESOURCE_NOT_ACCESSIBLE",
        "RESOURCE_NOT_ACTIVE",
    ),
    **_each(TOO_DEAR, "PRICE_OVER_THRESHOLD"),
    **_each(NOT_OPEN, "CHANNEL_NOT_ENABLED"),
    **_each(MISSING, "UNKNOWN_OPERATION"),
    **_each(SPENT, "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", "DAILY_DESTINATION_CALL_LIMIT"),
    **_each(ACCOUNT, "ACCOUNT_DISABLED", "INSUFFICIENT_ACCOUNT_REPUTATION"),
}
"""The `Reason` in an error, which says more than its code."""

TABLE = RefusalTable(
    operations=frozenset(("SendTextMessage",)),
    codes={
        **COMMON_CODES,
        "ConflictException": SENDER,
        "ResourceNotFoundException": SENDER,
        "ServiceQuotaExceededException": SPENT,
        "ThrottlingException": THROTTLED,
        "ValidationException": REJECTED,
    },
    missing=MISSING,
    texts=(),
    recipient=PHONE_NUMBER,
    codes_first=True,
)
_OF_SETTINGS = frozenset(("ConfigurationSetName", "MaxPrice", "OriginationIdentity", "TimeToLive"))
"""Parameters that come from settings: an invalid one is not the fault of one SMS."""


def outcome_of_error(error: Exception, *, own_sender: bool) -> Outcome:
    """Return the outcome of a SendTextMessage that raised. `own_sender`: the route names the sender of this SMS."""
    if not isinstance(error, ClientError):
        return outcome_of_failure(error)
    answer = AwsError.of(error)
    reason = str(error.response.get("Reason", ""))
    refusal = _refusal(answer, reason, _names(error.response.get("Fields")))
    if refusal is SENDER and own_sender:
        refusal = REJECTED
    if reason:
        answer = AwsError(f"{answer.code} {reason}", answer.message, answer.status, answer.operation)
    return TABLE.outcome(answer, refusal)


def _refusal(answer: AwsError, reason: str, fields: frozenset[str]) -> Refusal | None:
    """Return what the error means, None if the SMS may have been accepted: an error of the service itself."""
    if answer.operation in TABLE.operations and answer.status in STATUSES:
        if fields & _OF_SETTINGS:
            return SENDER
        if reason in REASONS:
            return REASONS[reason]
    return TABLE.refusal(answer)


def _names(fields: object) -> frozenset[str]:
    listed: Iterable[object] = fields if isinstance(fields, list) else ()
    return frozenset(str(each.get("Name")) for each in listed if isinstance(each, dict))
