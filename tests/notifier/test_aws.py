"""Clients from the settings, and our errors in place of those of the AWS SDK."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from notifier.aws import AwsError, NoCredentials, aws_client, aws_errors, aws_session
from notifier.errors import SettingsError, Unreachable
from notifier.settings import Settings


@pytest.fixture(autouse=True)
def _sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def settings(**changes: Any) -> Settings:
    return Settings(database_url="postgresql://nowhere/none", broker_url="redis://nowhere", **changes)  # type: ignore[arg-type]


def test_the_region_comes_from_the_caller_then_the_settings_then_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    own = settings(aws_region="eu-west-2")
    found = [aws_session(own, "eu-west-1"), aws_session(own), aws_session(settings())]
    assert [each.get_config_variable("region") for each in found] == ["eu-west-1", "eu-west-2", "eu-west-3"]


def test_a_missing_region_names_the_settings() -> None:
    with pytest.raises(SettingsError, match="set NOTIFIER_AWS_REGION or AWS_DEFAULT_REGION"):
        aws_session(settings())


def test_a_profile_that_does_not_exist_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(SettingsError, match="missing"):
        aws_session(settings())


def test_a_client_sends_once_within_its_timeouts_to_the_endpoint_of_its_service() -> None:
    given = settings(aws_region="eu-west-1", aws_endpoint_url="http://all", aws_dynamodb_endpoint_url="http://own")
    client = aws_client("dynamodbstreams", given, connect_timeout=1, read_timeout=2, connections=3)
    config = client.meta.config
    assert client.meta.endpoint_url == "http://own"
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1, 2, 3)
    assert config.retries["total_max_attempts"] == 1


def test_an_invalid_region_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="SQS"):
        aws_client("sqs", settings(aws_region="-"), connect_timeout=1, read_timeout=1)


def test_an_answer_that_is_an_error_keeps_its_code_message_status_and_operation() -> None:
    response = {"Error": {"Code": "NoSuch", "Message": "not here"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    with pytest.raises(AwsError, match="NoSuch: not here") as raised, aws_errors("SQS"):
        raise ClientError(response, "ReceiveMessage")
    error = raised.value
    assert (error.code, error.message, error.status, error.operation) == ("NoSuch", "not here", 404, "ReceiveMessage")


def test_an_answer_of_rest_and_json_is_read_as_the_sdk_reads_it() -> None:
    error = AwsError.of_answer("SendEmail", 400, {"x-amzn-errortype": "MessageRejected"}, b'{"message":"virus"}')
    assert (error.code, error.message, error.status) == ("MessageRejected", "virus", 400)


@pytest.mark.parametrize("status", [204, 300, 302, 403, 502])
@pytest.mark.parametrize("body", [b"", b"[]", b'"no"', b"null", b'{"__type":1}', b"<!DOCTYPE html>\xe9", b"[" * 9999])
def test_an_answer_that_is_not_of_aws_is_an_error_of_its_status(status: int, body: bytes) -> None:
    error = AwsError.of_answer("GetRecords", status, {}, body)
    assert (error.code, error.status, error.operation) == (str(status), status, "GetRecords")


def test_an_answer_that_is_not_of_aws_says_so() -> None:
    assert str(AwsError.of_answer("GetRecords", 502, {}, b"[]")) == "502: not an answer of AWS"


def test_without_credentials_or_an_answer_the_server_is_unreachable() -> None:
    with pytest.raises(NoCredentials, match="AWS_ACCESS_KEY_ID"), aws_errors("SQS"):
        raise NoCredentialsError
    with pytest.raises(Unreachable, match="no answer from SQS at here"), aws_errors("SQS at here"):
        raise ConnectTimeoutError(endpoint_url="http://here")
