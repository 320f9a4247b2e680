"""Clients of AWS, and the errors they raise: one place for the Region, the endpoint, timeouts and attempts.

Credentials come from where the AWS SDK looks for them: the environment, a profile, the role of the machine.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.loaders import create_loader
from botocore.parsers import create_parser

from notifier.errors import NotifierError, SettingsError, Unreachable
from notifier.settings import Settings
from notifier.settings.process import AwsService

Service = Literal["dynamodb", "dynamodbstreams", "events", "pinpoint-sms-voice-v2", "s3", "sesv2", "sns", "sqs"]
"""A service by the name that the AWS SDK has for it."""

_NAMES: dict[Service, tuple[AwsService, str]] = {
    "dynamodb": ("dynamodb", "DynamoDB"),
    "dynamodbstreams": ("dynamodb", "DynamoDB"),
    "events": ("events", "EventBridge"),
    "pinpoint-sms-voice-v2": ("sms", "AWS End User Messaging"),
    "s3": ("s3", "S3"),
    "sesv2": ("ses", "SES"),
    "sns": ("sns", "SNS"),
    "sqs": ("sqs", "SQS"),
}
"""Of each service: the setting of its endpoint, and what people call it."""


class AwsError(NotifierError):
    """A service of AWS answered with an error; as text `CODE: MESSAGE`.

    `status` is the HTTP status, 0 if unknown. `operation` is the one that failed: not always the one that was called,
    because the SDK may call others first, to get credentials.
    """

    def __init__(self, code: str, message: str, status: int = 0, operation: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.operation = operation

    @classmethod
    def of(cls, error: ClientError) -> "AwsError":
        """Return the error that the SDK raises as ClientError."""
        return cls._parsed(error.response, error.operation_name)

    @classmethod
    def of_answer(cls, operation: str, status: int, headers: Any, body: bytes) -> "AwsError":
        """Return the error in an HTTP answer of a service that speaks JSON, as SES and DynamoDB do. Its code is the
        status if the answer has none: some proxy may have answered.

        `headers` is a mapping that finds a name in upper or lower case, as `http.client.HTTPMessage` does.
        """
        answer = {"status_code": status, "headers": headers, "body": body}
        try:
            parsed = create_parser("rest-json").parse(answer, None)
        except Exception:  # noqa: BLE001  the parser takes only objects in UTF-8, and only the statuses of errors
            parsed = {"ResponseMetadata": {"HTTPStatusCode": status}}
        return cls._parsed(parsed, operation)

    @classmethod
    def _parsed(cls, response: Mapping[str, Any], operation: str) -> "AwsError":
        error = response.get("Error", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(error.get("Code") or status or "")
        message = str(error.get("Message", "")) if error else "not an answer of AWS"
        return cls(code, message, status, operation)


class NoCredentials(Unreachable):
    """The AWS SDK found no credentials."""

    def __init__(self) -> None:
        super().__init__("no AWS credentials: give this process a role, or set AWS_ACCESS_KEY_ID")


def aws_session(settings: Settings, region: str = "") -> Any:
    """Return a session of the SDK, for `region` or else the Region of the settings or of the SDK's own variables.

    Makes no request. Raises SettingsError if there is no Region, or if the SDK cannot read its configuration.
    """
    session = botocore.session.get_session()
    try:
        if named := region or settings.aws_region:
            session.set_config_variable("region", named)
        found = session.get_config_variable("region")
        session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    except BotoCoreError as error:
        raise SettingsError(f"the AWS SDK cannot be set up: {error}") from None
    if not found:
        raise SettingsError("no AWS region is set: set NOTIFIER_AWS_REGION or AWS_DEFAULT_REGION")
    return session


@cache
def _loader(folders: str | None) -> Any:
    """Return what reads the SDK's descriptions of services. Sessions share it: to read those of one takes 50 ms."""
    return create_loader(folders)


def aws_client(
    service: Service,
    settings: Settings,
    *,
    connect_timeout: float,
    read_timeout: float,
    attempts: int = 1,
    connections: int = 10,
    validate: bool = True,
    session: Any = None,
) -> Any:
    """Return a client of `service` at the endpoint of the settings. It makes no request before its first call.

    Timeouts are in seconds. `attempts` is how often a request is sent at most: the SDK's default of five would send a
    message again whose answer was lost. `validate`: the SDK checks the parameters of each call. `session` is one of
    `aws_session`; without it, the client has its own.

        client = aws_client("sqs", settings, connect_timeout=3, read_timeout=25, attempts=2)
        with aws_errors(f"SQS for {url}"):
            answer = client.receive_message(QueueUrl=url)

    Raises SettingsError if there is no Region, or if the endpoint is no URL.
    """
    endpoint, name = _NAMES[service]
    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=connections,
        parameter_validation=validate,
        tcp_keepalive=True,
    )
    session = session or aws_session(settings)
    try:
        return session.create_client(service, endpoint_url=settings.endpoint(endpoint), config=config)
    except ValueError as error:
        raise SettingsError(f"the {name} endpoint is wrong: {error}") from None


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Raise our errors in place of the SDK's. `where` is who was asked: `DynamoDB Streams at http://localhost:8000`.

    Raises AwsError for an answer that is an error, NoCredentials if the SDK found none, and Unreachable if no answer
    came.
    """
    try:
        yield
    except ClientError as error:
        raise AwsError.of(error) from error
    except NoCredentialsError:
        raise NoCredentials from None
    except BotoCoreError as error:
        raise Unreachable(f"no answer from {where}: {error}. Is the endpoint right and reachable?") from error
