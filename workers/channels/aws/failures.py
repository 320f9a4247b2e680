"""What a failure of the AWS SDK, one without an answer, says about the request. Pure; the same for every service.

Known not sent is only what is in the table, or was raised while the connection was being made. All else is
`Unknown`: the request may have left.
"""

from collections.abc import Iterator
from traceback import walk_tb
from typing import NamedTuple

from botocore import exceptions as sdk

from notifier.outcomes import Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown, discreet


class NotConnected(Exception):
    """There is no connection: not a byte of the request was written."""


class TooLate(Exception):
    """The time for the request was over before a byte of it was written."""


class Refusal(NamedTuple):
    """An outcome that is known not accepted, and what to do about it where somebody must act."""

    outcome: type[NotSent | Throttled | Blocked | Offline | Late | Rejected]
    advice: str = ""

    def because(self, reason: str) -> Outcome:
        return self.outcome("; ".join(filter(None, (discreet(reason), self.advice))))


REFUSED = Refusal(Rejected)
SLOWER = Refusal(Throttled)
CREDENTIALS = Refusal(
    Blocked, "AWS does not take the credentials: check them, their permissions, and this machine's clock"
)
ACCOUNT = Refusal(Blocked, "the AWS account may not use this service: see the AWS console")
CONFIGURATION = Refusal(Blocked, "check the credentials and settings of the AWS SDK, and NOTIFIER_AWS_*")
UNREACHABLE = Refusal(Offline, "check the network, the proxy and the endpoint in NOTIFIER_AWS_*")
LATE = Refusal(Late)

FRONT_DOOR: dict[str, Refusal] = {
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
        SLOWER,
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
"""Codes with which AWS refuses a request before the service sees it."""

UNSURE = frozenset(("PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"))
"""Codes that say nothing about whether the request was acted upon, whatever their status."""

BEFORE_THE_REQUEST: dict[type[Exception], Refusal] = {
    TooLate: LATE,
    **dict.fromkeys((NotConnected, sdk.EndpointConnectionError, sdk.ConnectTimeoutError), UNREACHABLE),
    **dict.fromkeys((sdk.ParamValidationError, sdk.MissingParametersError), REFUSED),
    **dict.fromkeys(
        (
            sdk.CredentialRetrievalError,
            sdk.InfiniteLoopConfigError,
            sdk.InvalidIMDSEndpointError,
            sdk.InvalidIMDSEndpointModeError,
            sdk.LoginError,
            sdk.MetadataRetrievalError,
            sdk.NoAuthTokenError,
            sdk.NoCredentialsError,
            sdk.PartialCredentialsError,
            sdk.RefreshWithMFAUnsupportedError,
            sdk.SSOError,
            sdk.TokenRetrievalError,
            sdk.UnknownCredentialError,
            sdk.UnknownTokenProviderError,
        ),
        CREDENTIALS,
    ),
    **dict.fromkeys(
        (
            sdk.BaseEndpointResolverError,
            sdk.ConfigNotFound,
            sdk.ConfigParseError,
            sdk.DataNotFoundError,
            sdk.EndpointProviderError,
            sdk.InvalidConfigError,
            sdk.InvalidDefaultsMode,
            sdk.InvalidEndpointConfigurationError,
            sdk.InvalidHostLabelError,
            sdk.InvalidProxiesConfigError,
            sdk.InvalidRegionError,
            sdk.InvalidRetryConfigurationError,
            sdk.InvalidSTSRegionalEndpointsConfigError,
            sdk.MissingDependencyException,
            sdk.ProfileNotFound,
            sdk.ServiceNotInRegionError,
            sdk.UnknownRegionError,
            sdk.UnknownSignatureVersionError,
            sdk.UnsupportedServiceProtocolsError,
            sdk.UnsupportedSignatureVersionError,
        ),
        CONFIGURATION,
    ),
}
"""Raised only while no byte of the request has been written. Holds for subclasses too.

`SSLError` and `ProxyConnectionError` are not here: a connection that breaks off later raises them as well
(urllib3 forgets that it had reached a proxy when it closes the connection).
"""


def outcome_before_request(error: Exception) -> Outcome:
    """What becomes of a message when there is no client to send it with. Never the message's fault."""
    return CONFIGURATION.because(_reason(error))


def outcome_of_failure(error: Exception) -> Outcome:
    """What became of a request that ended in this exception instead of an answer."""
    reason = _reason(error)
    for kind in type(error).__mro__:
        if kind in BEFORE_THE_REQUEST:
            return BEFORE_THE_REQUEST[kind].because(reason)
    if _while_connecting(error):
        return UNREACHABLE.because(reason)
    return Unknown(discreet(reason))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _while_connecting(error: Exception) -> bool:
    """Whether urllib3 was still in `connect`: looking up, connecting, shaking hands, opening a tunnel."""
    return any(
        frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") == "urllib3.connection"
        for cause in _causes(getattr(error, "kwargs", {}).get("error"))
        for frame, _ in walk_tb(cause.__traceback__)
    )


def _causes(error: object) -> Iterator[BaseException]:
    """The exceptions that urllib3 wrapped into this one. Not `__context__`, which may lead to an earlier request."""
    while isinstance(error, BaseException):
        yield error
        error = error.__cause__ or next((each for each in error.args if isinstance(each, BaseException)), None)
