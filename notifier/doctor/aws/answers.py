"""Asks a service of AWS, and says in one finding why it did not answer."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from notifier.aws import AwsError, NoCredentials, Service, aws_client, aws_errors, aws_session
from notifier.doctor.finding import CheckEnded, Finding, doubtful, not_known, wrong
from notifier.doctor.setup import Setup
from notifier.errors import SettingsError, Unreachable

IAM = "deploy/iam/doctor.json"
_CONNECT_SECONDS, _READ_SECONDS = 3, 5
_FORBIDDEN = frozenset(
    (
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
    )
)
_BAD_CREDENTIALS = frozenset(
    (
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
_THROTTLES = frozenset(
    (
        "LimitExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    )
)
_CLOCK = ("Signature expired", "not yet current", "RequestTimeTooSkewed")

Answer = Mapping[str, Any]


def session(setup: Setup) -> Any:
    """Return a session of the SDK that has credentials. Raise SettingsError if there is no Region, NoCredentials."""
    found = aws_session(setup.settings)
    credentials = found.get_credentials()
    if credentials is None:
        raise NoCredentials
    with aws_errors("the source of the AWS credentials"):
        credentials.get_frozen_credentials()
    return found


@contextmanager
def opened(setup: Setup, service: Service, region: str = "") -> Iterator[Any]:
    """Give a client of the service, in another Region than that of the settings if `region` is given.

    Raise CheckEnded if there are no credentials, SettingsError if the endpoint is wrong.
    """
    own = setup.need(session, "a Region and credentials of AWS")
    client = aws_client(
        service,
        setup.settings,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        session=aws_session(setup.settings, region) if region else own,
    )
    try:
        yield client
    finally:
        client.close()


def ask(
    where: str, right: str, call: Callable[..., Answer], *, absent: Collection[str] = (), **arguments: Any
) -> Answer | None:
    """Return the answer to a call of the SDK, None for an error with one of the codes in `absent`.

    `where` is the service for people; `right` is what a policy must allow, as `ses:GetAccount`. Raise CheckEnded with
    the finding for any other error.
    """
    try:
        with aws_errors(where):
            return call(**arguments)
    except AwsError as error:
        if error.code in absent:
            return None
        raise CheckEnded(of_error(error, where, right)) from None
    except (NoCredentials, SettingsError):
        raise CheckEnded(not_known(f"{where} was not asked: there are no credentials")) from None
    except Unreachable as error:
        raise CheckEnded(wrong(str(error), "")) from None


def of_error(error: AwsError, where: str, right: str) -> Finding:
    """Return the finding for an error of a service."""
    if error.code in _FORBIDDEN:
        return doubtful(f"this cannot be checked: the login may not ask {where}", f"allow {right}", IAM)
    if error.code in _BAD_CREDENTIALS or error.code in _CLOCK:
        if any(sign in str(error) for sign in _CLOCK):
            return wrong(f"{where} refuses the signature: the clock of this machine is wrong", "set it, with NTP")
        return wrong(
            f"{where} refuses the credentials ({error.code})", "give this process valid ones, or renew its session"
        )
    if error.code in _THROTTLES:
        return doubtful(f"{where} throttled the question", "run notifier doctor again in a minute")
    return wrong(f"{where} answered {error.code or error.status} to {right}", "see what AWS documents for this error")
