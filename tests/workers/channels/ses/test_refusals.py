"""Every error of SES and every exception of botocore has an outcome; a new one of either makes a test fail."""

import inspect
import string
from typing import Any

import botocore.session
import pytest
from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from notifier.aws import AwsError
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from workers.channels.aws.failures import (
    BEFORE_THE_REQUEST,
    NotConnected,
    TooLate,
    outcome_before_request,
    outcome_of_failure,
)
from workers.channels.aws.refusals import STATUSES, THROTTLED, UNSURE
from workers.channels.ses.outcomes import (
    is_throttle,
    may_be_one_entry,
    outcome_of,
    outcome_of_answer,
    result_of_error,
    results_of_bulk_answer,
)
from workers.channels.ses.refusals import BULK_STATUSES, CODES, TABLE

MODEL = botocore.session.get_session().get_service_model("sesv2")

MAY_HAVE_LEFT = {
    "BotoCoreError",
    "ChecksumError",
    "ConnectionClosedError",
    "ConnectionError",
    "FlexibleChecksumError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
}
"""Raised also after the request has been written. These must be Unknown."""

OF_NO_SEND = {
    "AliasConflictParameterError",
    "ApiVersionNotFoundError",
    "AwsChunkedWrapperError",
    "CapacityNotAvailableError",
    "ClientError",
    "EventStreamError",
    "InvalidChecksumConfigError",
    "InvalidDNSNameError",
    "InvalidEndpointDiscoveryConfigurationError",
    "InvalidExpressionError",
    "InvalidS3AddressingStyleError",
    "InvalidS3UsEast1RegionalEndpointConfigError",
    "MD5UnavailableError",
    "MissingServiceIdError",
    "OperationNotPageableError",
    "PaginationError",
    "RangeError",
    "StubAssertionError",
    "StubResponseError",
    "UnStubbedResponseError",
    "UndefinedModelAttributeError",
    "UnknownClientMethodError",
    "UnknownKeyError",
    "UnknownParameterError",
    "UnknownServiceStyle",
    "UnseekableStreamError",
    "UnsupportedOutpostResourceError",
    "UnsupportedS3AccesspointConfigurationError",
    "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError",
    "UnsupportedS3ControlArnError",
    "UnsupportedS3ControlConfigurationError",
    "ValidationError",
    "WaiterConfigError",
    "WaiterError",
}
"""Of other services, adaptive retries and test doubles; ClientError is an answer. If raised: Unknown."""

NOT_OF_SES = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
}

EXCEPTIONS = {
    name: kind
    for name, kind in vars(sdk).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == sdk.__name__
    if not issubclass(kind, Warning)
}


def outcome_of_error(error: Exception) -> Outcome:
    return outcome_of(result_of_error(error))


def outcomes_of_bulk_answer(answer: Any, entries: int) -> list[Outcome]:
    return [outcome_of(each) for each in results_of_bulk_answer(answer, entries)]


def refusal(code: str, status: int = 400, message: str = "", operation: str = "SendEmail") -> AwsError:
    return AwsError(code, message, status, operation)


def failure(kind: type[Exception]) -> Exception:
    if kind is sdk.WaiterError:
        return sdk.WaiterError("x", "x", {})
    names = {name for _, name, _, _ in string.Formatter().parse(getattr(kind, "fmt", "")) if name}
    return kind(**dict.fromkeys(names, "x"))


@pytest.mark.parametrize("operation", sorted(TABLE.operations))
def test_every_error_of_the_model_is_in_the_table(operation: str) -> None:
    errors = {shape.error_code: shape for shape in MODEL.operation_model(operation).error_shapes}
    assert set(errors) <= set(CODES)
    for code, shape in errors.items():
        status = shape.metadata["error"]["httpStatusCode"]
        assert not isinstance(outcome_of_error(refusal(code, status)), Unknown | NotSent), code


def test_every_status_of_a_bulk_entry_is_in_the_table() -> None:
    assert set(MODEL.shape_for("BulkEmailStatus").enum) <= set(BULK_STATUSES)
    assert [status for status, verdict in BULK_STATUSES.items() if verdict is Accepted] == ["SUCCESS"]


def test_every_throttle_that_botocore_knows_is_one() -> None:
    known = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - NOT_OF_SES - UNSURE
    assert known <= {code for code, verdict in CODES.items() if verdict is THROTTLED}
    assert set(TransientRetryableChecker._TRANSIENT_ERROR_CODES) <= UNSURE


def test_every_exception_of_botocore_is_classified() -> None:
    not_sent = {name for name, kind in EXCEPTIONS.items() if set(kind.__mro__) & set(BEFORE_THE_REQUEST)}
    assert not_sent | MAY_HAVE_LEFT | OF_NO_SEND == set(EXCEPTIONS)
    assert not not_sent & (MAY_HAVE_LEFT | OF_NO_SEND)
    assert not MAY_HAVE_LEFT & OF_NO_SEND


@pytest.mark.parametrize("name", sorted((MAY_HAVE_LEFT | OF_NO_SEND) - {"ClientError", "EventStreamError"}))
def test_a_request_that_may_have_been_sent_is_unknown(name: str) -> None:
    assert isinstance(outcome_of_error(failure(EXCEPTIONS[name])), Unknown)


@pytest.mark.parametrize("kind", BEFORE_THE_REQUEST)
def test_a_request_that_was_not_sent_says_what_to_do(kind: type[BotoCoreError]) -> None:
    outcome = outcome_of_error(failure(kind))
    assert isinstance(outcome, Blocked | Late | Offline | Rejected)
    assert not isinstance(outcome, Blocked | Offline) or "check" in outcome.reason


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError(), OSError(), RuntimeError(), AttributeError()])
def test_an_unexpected_exception_is_unknown(error: Exception) -> None:
    assert isinstance(outcome_of_error(error), Unknown)


@pytest.mark.parametrize("status", [0, 200, 301, 307, 408, 409, 418, 500, 502, 503, 504, 599])
def test_a_status_that_does_not_refuse_is_unknown_whatever_the_code(status: int) -> None:
    assert status not in STATUSES
    for code in [*CODES, "Anything", ""]:
        outcome = outcome_of_error(refusal(code, status))
        assert isinstance(outcome, Throttled if CODES.get(code) is THROTTLED else Unknown), code


@pytest.mark.parametrize("code", sorted(UNSURE))
def test_an_unsure_code_is_unknown_whatever_the_status(code: str) -> None:
    assert isinstance(outcome_of_error(refusal(code, 400)), Unknown)


@pytest.mark.parametrize(
    ("code", "message", "outcome", "advice"),
    [
        ("MessageRejected", "Email address is not verified. In region EU: bo@example.com", Blocked, "verify"),
        ("MessageRejected", "Sending suspended for this account.", Blocked, "console"),
        ("MessageRejected", "Sending paused for this account.", Blocked, "console"),
        ("Throttling", "Daily message quota exceeded.", Blocked, "quota"),
        ("LimitExceededException", "Daily message quota exceeded", Blocked, "quota"),
        ("Throttling", "Maximum sending rate exceeded.", Throttled, ""),
        ("NotFoundException", "Configuration set <x> does not exist.", Blocked, "NOTIFIER_SES_CONFIGURATION_SET"),
        ("AccessDeniedException", "not authorized to perform ses:SendEmail", Blocked, "permissions"),
        ("SomethingNewException", "what?", NotSent, ""),
        ("MessageRejected", "virus", Rejected, ""),
    ],
)
def test_the_text_decides_where_the_code_does_not(code: str, message: str, outcome: type, advice: str) -> None:
    found = outcome_of_error(refusal(code, 400, message))
    assert isinstance(found, outcome)
    assert advice in found.reason


SETTINGS_FAULTS = [
    ("BadRequestException", "Configuration set x does not exist.", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("BadRequestException", "Configuration set <x> does not exist.", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("BadRequestException", "Configuration set doesn't exist", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("BadRequestException", "Invalid configuration set name <x y>.", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("ValidationException", "Value 'x ' at 'configurationSetName' failed to satisfy a constraint",
     "NOTIFIER_SES_CONFIGURATION_SET"),
    ("InvalidParameterValue", "Configuration set name is not valid: x", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("ConfigurationSetDoesNotExistException", "", "NOTIFIER_SES_CONFIGURATION_SET"),
    ("BadRequestException", "EndpointId x does not exist", "check"),
    ("BadRequestException", "Tenant not associated with resources", "tenant"),
    ("BadRequestException", "The configuration set x is not associated with the tenant y", "tenant"),
    ("BadRequestException", "Sending pool x does not exist", "pool"),
    ("MessageRejected", "SendingPool <pool1> doesn't exist", "pool"),
    ("BadRequestException", "No dedicated IP is available", "pool"),
    ("BadRequestException", "The custom redirect domain x is not usable", "tracking"),
    ("MessageRejected", "Sending has been paused for this account.", "console"),
    ("BadRequestException", "Email sending is disabled for this configuration set", "console"),
    ("MessageRejected", "Your account is under review", "console"),
    ("MessageRejected", "Your AWS account has been suspended", "console"),
    ("BadRequestException", "Sending is not enabled for the identity", "console"),
    ("MessageRejected", "Email address not verified bo@example.com", "verify"),
    ("MessageRejected", "The domain example.com has not been verified", "verify"),
    ("BadRequestException", "The following identities failed the check in region EU-WEST-1: example.com", "verify"),
    ("BadRequestException", "Daily sending quota exceeded", "quota"),
    ("MessageRejected", "User arn:aws:iam::1:user/x is not authorized to perform ses:SendEmail", "permissions"),
    ("OptInRequired", "", "account"),
    ("SubscriptionRequiredException", "", "account"),
    ("UnknownOperationException", "", "endpoint"),
    ("MissingAuthenticationTokenException", "", "credentials"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "advice"), SETTINGS_FAULTS)
def test_a_fault_of_the_account_or_a_setting_blocks_the_channel(code: str, message: str, advice: str) -> None:
    found = outcome_of_error(refusal(code, 400, message))
    assert isinstance(found, Blocked)
    assert advice in found.reason
    (entry,) = outcomes_of_bulk_answer(
        {"BulkEmailEntryResults": [{"Status": "INVALID_PARAMETER", "Error": message or "x"}]}, 1
    )
    assert isinstance(entry, Blocked) is bool(message)
    if "verif" not in message and "check" not in message:
        assert not may_be_one_entry(refusal(code, 400, message, "SendBulkEmail"))


@pytest.mark.parametrize(
    "message",
    [
        "Local address contains control or whitespace: tenant paused@example.com",
        "Illegal address: 'The account is suspended <configuration-set@example.com>'",
        "Missing final '@domain'",
        "Address length is more than 320 bytes long: 'Sending paused, configuration set <tenant@example.com>'",
        "Domain contains illegal character: account@tenant",
        "Invalid header name <X Y>",
        "Duplicate header 'Subject'.",
    ],
)
def test_words_in_an_address_are_not_taken_for_a_setting(message: str) -> None:
    assert isinstance(outcome_of_error(refusal("BadRequestException", 400, message)), Rejected)


def test_the_status_decides_for_an_unknown_code() -> None:
    outcome = outcome_of_error(refusal("SomethingNewException", 403))
    assert isinstance(outcome, Blocked)
    assert "permissions" in outcome.reason


def test_a_refusal_of_credentials_is_not_the_messages_fault() -> None:
    assert isinstance(outcome_of_error(refusal("ValidationError", 400, operation="AssumeRole")), Blocked)
    assert isinstance(outcome_of_error(refusal("InternalFailure", 500, operation="AssumeRole")), Blocked)


def test_reasons_are_short_printable_and_name_no_mailbox() -> None:
    long = refusal(
        "MessageRejected", 400, "not verified: Ana@Example.com, <bo.b@example.com>\n\0\ud800" + "x" * 9_000
    )
    outcome = outcome_of_error(long)
    assert isinstance(outcome, Rejected)
    assert "…@Example.com, <…@example.com>" in outcome.reason
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 1_000


def test_an_answer_is_an_acceptance_with_or_without_its_id() -> None:
    assert outcome_of_answer({"MessageId": "1"}) == Accepted("1")
    assert outcome_of_answer({}) == Accepted(None)
    assert outcome_of_answer({"MessageId": 7}) == Accepted(None)


@pytest.mark.parametrize(
    ("result", "outcome", "words"),
    [
        ({"Status": "SUCCESS", "MessageId": "1"}, Accepted, ""),
        ({"Status": "ACCOUNT_THROTTLED", "Error": "Maximum sending rate exceeded."}, Throttled, "rate"),
        ({"Status": "TRANSIENT_FAILURE"}, NotSent, "TRANSIENT_FAILURE"),
        ({"Status": "FAILED", "Error": "for bo@example.com"}, NotSent, "…@example.com"),
        ({"Status": "ACCOUNT_SUSPENDED"}, Blocked, "console"),
        ({"Status": "MESSAGE_REJECTED", "Error": "virus"}, Rejected, "virus"),
        ({"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified."}, Blocked, "verify"),
        ({"Status": "SOMETHING_NEW", "Error": "what?"}, Unknown, "what?"),
        ({"Status": None}, Unknown, ""),
        ({}, Unknown, ""),
    ],
)
def test_each_result_of_a_bulk_answer_is_an_outcome(result: dict[str, str], outcome: type, words: str) -> None:
    good = {"Status": "SUCCESS", "MessageId": "2"}
    found, last = outcomes_of_bulk_answer({"BulkEmailEntryResults": [result, good]}, 2)
    assert isinstance(found, outcome)
    assert isinstance(found, Accepted) or words in found.reason
    assert last == Accepted("2")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"BulkEmailEntryResults": None},
        {"BulkEmailEntryResults": {"Status": "SUCCESS"}},
        {"BulkEmailEntryResults": [{"Status": "SUCCESS"}]},
        {"BulkEmailEntryResults": [{"Status": "MESSAGE_REJECTED"}] * 3},
        {"BulkEmailEntryResults": [{"Status": "MESSAGE_REJECTED"}, "SUCCESS"]},
        {"MessageId": "1"},
    ],
)
def test_a_bulk_answer_without_a_result_for_each_makes_all_unknown(answer: dict[str, object]) -> None:
    outcomes = outcomes_of_bulk_answer(answer, 2)
    assert len(outcomes) == 2
    assert all(isinstance(each, Unknown) for each in outcomes)


@pytest.mark.parametrize(
    ("code", "message", "one"),
    [
        ("BadRequestException", "Missing final '@domain'", True),
        ("MessageRejected", "virus", True),
        ("MessageRejected", "Email address is not verified: bo@example.com", True),
        ("SomethingNewException", "", True),
        ("MailFromDomainNotVerifiedException", "", False),
        ("MessageRejected", "Sending suspended for this account.", False),
        ("TooManyRequestsException", "", False),
        ("AccessDeniedException", "", False),
        ("NotFoundException", "", False),
        ("RequestTimeoutException", "", False),
    ],
)
def test_which_refusals_may_be_for_one_entry(code: str, message: str, one: bool) -> None:
    assert may_be_one_entry(refusal(code, 400, message, "SendBulkEmail")) is one


@pytest.mark.parametrize("status", [0, 200, 307, 408, 500, 503])
def test_a_call_that_may_have_been_accepted_is_never_divided(status: int) -> None:
    for code in CODES:
        assert not may_be_one_entry(refusal(code, status, "", "SendBulkEmail"))


@pytest.mark.parametrize(
    "error", [ConnectionError(), NotConnected(), TooLate(), sdk.ReadTimeoutError(endpoint_url="x")]
)
def test_a_failure_without_an_answer_is_neither_for_one_entry_nor_a_throttle(error: Exception) -> None:
    assert not may_be_one_entry(error)
    assert not is_throttle(error)


def test_only_a_rate_is_a_throttle() -> None:
    assert is_throttle(refusal("TooManyRequestsException", 429, "Rate exceeded"))
    assert not is_throttle(refusal("TooManyRequestsException", 429, "Daily message quota exceeded."))
    assert not is_throttle(refusal("BadRequestException"))


def test_without_a_client_every_message_is_blocked() -> None:
    for error in (sdk.ParamValidationError(report="role"), ValueError("Invalid endpoint"), KeyError("x")):
        assert isinstance(outcome_before_request(error), Blocked)


def raised_in_connect() -> OSError:
    def connect() -> None:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused") as raised:
        type(connect)(connect.__code__, {"__name__": "urllib3.connection", "OSError": OSError})()
    return raised.value


def test_a_failure_while_connecting_sent_nothing() -> None:
    for kind in (sdk.SSLError, sdk.ReadTimeoutError, sdk.ConnectionClosedError):
        assert isinstance(outcome_of_failure(kind(endpoint_url="x", error=raised_in_connect())), Offline)


def test_an_earlier_failure_to_connect_does_not_count() -> None:
    reset = OSError("reset")
    reset.__context__ = raised_in_connect()
    assert isinstance(outcome_of_failure(sdk.ConnectionClosedError(endpoint_url="x", error=reset)), Unknown)
