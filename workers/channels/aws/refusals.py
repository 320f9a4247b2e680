"""The outcome of a message whose request AWS answered with an error. Pure; each service has its own tables.

A table holds what is known not accepted. An error that is in none is `Unknown`: neither SES nor SNS takes an
idempotency token, so sending again after a wrong guess would send a second message.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from notifier.aws import AwsError
from notifier.outcomes import Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown, discreet

NotAccepted = NotSent | Throttled | Blocked | Offline | Late | Rejected


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """An outcome that is known not accepted, and what the operator should do about it: empty if nothing.

    Each is a cause of its own, whatever its advice says: it equals only itself.
    """

    outcome: type[NotAccepted]
    advice: str = ""

    def because(self, reason: str) -> NotAccepted:
        return self.outcome("; ".join(filter(None, (discreet(reason), self.advice))))


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that a service refused: the cause, and the reason that the service gave, without recipients."""

    refusal: Refusal
    reason: str

    @property
    def outcome(self) -> NotAccepted:
        return self.refusal.because(self.reason)


REJECTED = Refusal(Rejected)
NOT_SENT = Refusal(NotSent)
THROTTLED = Refusal(Throttled)
CREDENTIALS = Refusal(
    Blocked, "AWS does not take the credentials: check them, their permissions, and this machine's clock"
)
ACCOUNT = Refusal(Blocked, "the AWS account may not use this service: see the AWS console")
UNREACHABLE = Refusal(Offline, "check the network, the proxy and the endpoint in NOTIFIER_AWS_*")

COMMON_CODES: dict[str, Refusal] = {
    **dict.fromkeys(
        (
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        THROTTLED,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ),
        CREDENTIALS,
    ),
    **dict.fromkeys(
        (
            "AccountDisabled",
            "AccountProblem",
            "AccountSuspended",
            "OptInRequired",
            "PendingVerification",
            "SubscriptionRequiredException",
        ),
        ACCOUNT,
    ),
}
"""Codes with which any service of AWS refuses a request before it acts on it."""

UNSURE = frozenset(("PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"))
"""Codes after which the request may have been acted on, with any status."""


@dataclass(frozen=True, slots=True)
class RefusalTable:
    """What the errors of one service mean. All methods are pure.

    The HTTP status must be one of those that refuse a request, unless the code is one of a throttle. Then the text
    decides, then the code, then the status. With `codes_first`, a code other than one of a rejection decides before
    the text.
    """

    operations: frozenset[str]
    """The operations that send."""
    codes: Mapping[str, Refusal]
    missing: Refusal
    """What a status of 404 or 405 means."""
    texts: tuple[tuple[re.Pattern[str], Refusal], ...]
    """Texts that name another cause than their code does. The first that is found decides."""
    recipient: re.Pattern[str]
    """What may be a recipient, and is replaced by an ellipsis in reasons."""
    searched: Callable[[str], str] = str
    """Returns the part of a text in which `texts` are searched."""
    codes_first: bool = False

    def refusal(self, error: AwsError) -> Refusal | None:
        """Return what the error means, None if the request may have been accepted."""
        if error.operation not in self.operations:
            return CREDENTIALS  # the SDK asked another service for credentials, and was refused before it could send
        known = self.codes.get(error.code)
        by_status = self._by_status(error.status)
        if error.code in UNSURE or (known is not THROTTLED and by_status is None):
            return None
        if self.codes_first and known not in (None, REJECTED):
            return known
        return self.by_text(error.message) or known or by_status

    def by_text(self, text: str) -> Refusal | None:
        """Return the refusal that a text names, None if it names none."""
        searched = self.searched(text)
        return next((refusal for pattern, refusal in self.texts if pattern.search(searched)), None)

    def outcome(self, error: AwsError, refusal: Refusal | None) -> Outcome:
        """Return the outcome of a request that ended in this error. Its reason does not name the recipient."""
        result = self.result(error, refusal)
        return result.outcome if isinstance(result, Refused) else result

    def result(self, error: AwsError, refusal: Refusal | None) -> Refused | Unknown:
        """Return the cause and the reason of an error, without the recipient. Unknown without a known cause."""
        reason = self.discreet(f"{error.status} {error}")
        if error.operation not in self.operations:
            reason = f"{error.operation}: {reason}"
        return Refused(refusal, reason) if refusal else Unknown(discreet(reason))

    def discreet(self, text: str) -> str:
        """Return the text without recipients."""
        return self.recipient.sub("…", text)

    def _by_status(self, status: int) -> Refusal | None:
        return self.missing if status in _MISSING else STATUSES.get(status)


_MISSING = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

STATUSES: dict[int, Refusal] = {
    400: NOT_SENT,
    401: CREDENTIALS,
    403: CREDENTIALS,
    407: UNREACHABLE,
    413: REJECTED,
    429: THROTTLED,
}
"""For codes that are in no table: with these statuses a request is refused before it is acted on."""
