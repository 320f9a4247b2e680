"""What an answer of SNS to Publish says about the SMS. Pure: one table each for codes and statuses.

The tables hold what is known not accepted. An answer that is in none of them is `Unknown`: Publish to a number knows
no idempotency token, and no event says what became of it, so that a wrong guess would be a second SMS.
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Unknown, discreet
from workers.channels.sdk_errors import (
    CREDENTIALS,
    FRONT_DOOR,
    REFUSED,
    SLOWER,
    UNREACHABLE,
    UNSURE,
    Verdict,
    outcome_of_failure,
)

OPERATION = "Publish"

AGAIN = Verdict(NotSent)
MISSING = Verdict(Blocked, "check the region and the endpoint: SMS is not offered in every region")
NOT_OPEN = Verdict(Blocked, "open SMS for this account: AWS End User Messaging or the SNS console, SMS sandbox")

CODES: dict[str, Verdict] = {
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
"""For codes that are not in the table: these refuse a request before it is acted upon."""

_NUMBER = re.compile(r"\+?\d[\d ().-]{4,}\d")


def outcome_of_answer(answer: Mapping[str, Any]) -> Outcome:
    """A 200 is an acceptance, even one without an id. Also for a number that has opted out: SNS drops that later."""
    return Accepted(answer.get("MessageId"))


def outcome_of_error(error: Exception) -> Outcome:
    """What became of a Publish that raised."""
    return _of_refusal(error) if isinstance(error, ClientError) else outcome_of_failure(error)


def _of_refusal(error: ClientError) -> Outcome:
    fault = error.response.get("Error", {})
    code, text = str(fault.get("Code", "")), str(fault.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"{status} {code}: {_NUMBER.sub('…', text)}"
    if error.operation_name != OPERATION:
        # The SDK asked another service for credentials, and was refused before it could send.
        return CREDENTIALS.because(f"{error.operation_name}: {reason}")
    verdict = _verdict(status, code)
    return verdict.because(reason) if verdict else Unknown(discreet(reason))


def _verdict(status: int, code: str) -> Verdict | None:
    known = CODES.get(code)
    if code in UNSURE or (known is not SLOWER and status not in STATUSES):
        return None
    return known or STATUSES[status]
