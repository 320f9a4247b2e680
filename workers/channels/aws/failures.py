"""The outcome of a message whose request failed without an answer of AWS. Pure; the same for every service.

Known not sent is only what is in the table, or was raised while the connection was being made. Everything else is
`Unknown`: the request may have left.
"""

from collections.abc import Iterator
from traceback import walk_tb

from botocore import exceptions as sdk

from notifier.aws_http.connections import NotConnected
from notifier.outcomes import Blocked, Late, Outcome, Unknown, discreet
from workers.channels.aws.refusals import CREDENTIALS, REJECTED, UNREACHABLE, Refusal


class TooLate(Exception):
    """The time for the request was over before a byte of it was written."""


CONFIGURATION = Refusal(Blocked, "check the credentials and settings of the AWS SDK, and NOTIFIER_AWS_*")
LATE = Refusal(Late)

BEFORE_THE_REQUEST: dict[type[Exception], Refusal] = {
    TooLate: LATE,
    **dict.fromkeys((NotConnected, sdk.EndpointConnectionError, sdk.ConnectTimeoutError), UNREACHABLE),
    **dict.fromkeys((sdk.ParamValidationError, sdk.MissingParametersError), REJECTED),
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
    """Return the outcome of a message for which no client or no signed request could be made. Always `Blocked`."""
    return CONFIGURATION.because(_reason(error))


def outcome_of_failure(error: Exception) -> Outcome:
    """Return the outcome of a request that ended in this exception instead of an answer."""
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
    """Return whether urllib3 was still in `connect`: name lookup, TCP connection, TLS handshake, proxy tunnel."""
    return any(
        frame.f_code.co_name == "connect" and frame.f_globals.get("__name__") == "urllib3.connection"
        for cause in _causes(getattr(error, "kwargs", {}).get("error"))
        for frame, _ in walk_tb(cause.__traceback__)
    )


def _causes(error: object) -> Iterator[BaseException]:
    """Yield the exceptions that urllib3 wrapped into this one.

    Not those in `__context__`, which may come from an earlier request.
    """
    while isinstance(error, BaseException):
        yield error
        error = error.__cause__ or next((each for each in error.args if isinstance(each, BaseException)), None)
