"""Calls without the SDK's own layers are those that the SDK makes: address, headers, and what is signed."""

import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import RefreshableCredentials

from notifier.aws import NoCredentials, aws_client, aws_session
from notifier.aws_http.json_calls import JsonCalls
from notifier.errors import SettingsError, Unreachable
from tests.bridge.stream.stream_backends import settings

BODY = b'{"ShardIterator":"x"}'


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")


class Captured(Exception):
    """Raised instead of sending a request of the SDK."""


def made(region: str = "eu-west-1", url: str = "") -> tuple[Any, JsonCalls]:
    given = settings(url).model_copy(update={"aws_region": region, "aws_endpoint_url": url})
    session = aws_session(given)
    client = aws_client("dynamodbstreams", given, connect_timeout=1, read_timeout=1, session=session)
    return client, JsonCalls(client, session, "get_records", ShardIterator="-")


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://localhost:8000"},
        {"AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://localhost:8000/gateway"},
        {"AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://localhost:8000/gateway/"},
        {"AWS_SESSION_TOKEN": "a token"},
    ],
)
def test_a_request_is_the_one_of_the_sdk(
    region: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client, calls = made(region)
    sent: list[Any] = []

    def capture(request: Any, **_: object) -> None:
        sent.append(request)
        raise Captured

    client.meta.events.register("before-send.dynamodb-streams.GetRecords", capture)
    with pytest.raises(Captured):
        client.get_records(ShardIterator="x")

    url = urlsplit(sent[0].url)
    assert calls._endpoint.peer.url._replace(path=url.path) == url
    request = calls._request("GetRecords", BODY).decode()
    assert request.startswith(f"POST {url.path} HTTP/1.1\r\n")
    ours = dict(re.findall(r"^([\w-]+): (.*)\r$", request, re.MULTILINE))
    theirs = {
        name: str(value, "ascii") if isinstance(value, bytes) else value for name, value in sent[0].headers.items()
    }
    assert ours["Accept-Encoding"] == "identity"  # which http.client adds to those of the SDK
    for name in ("Content-Type", "X-Amz-Target", "X-Amz-Security-Token"):
        assert ours.get(name) == theirs.get(name)
    scope = re.compile(r"Credential=[^,]*")
    assert scope.findall(ours["Authorization"]) == scope.findall(theirs["Authorization"])


def test_a_server_that_hangs_up_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        _, calls = made(url=f"http://127.0.0.1:{server.getsockname()[1]}")
        server.close()
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            calls.call("GetRecords", BODY)


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _, calls = made(url="http://127.0.0.1:1")
    monkeypatch.setattr(calls._session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentials):
        calls.call("GetRecords", BODY)


def test_credentials_that_have_expired_when_they_come_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of this machine, which may be wrong."""
    _, calls = made(url="http://127.0.0.1:1")
    expired = {"access_key": "a", "secret_key": "b", "token": "c", "expiry_time": "2020-01-01T00:00:00Z"}
    found = RefreshableCredentials.create_from_metadata(expired, lambda: expired, "a role")
    monkeypatch.setattr(calls._session, "get_credentials", lambda: found)
    with pytest.raises(Unreachable, match="still expired"):
        calls.call("GetRecords", BODY)


def test_a_file_of_certificates_that_is_missing_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(SettingsError, match="the AWS SDK cannot be set up"):
        made()
