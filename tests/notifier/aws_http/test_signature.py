"""Our signature of a request is that of the AWS SDK's signer."""

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from notifier.aws_http.signature import signed_headers

HEADERS = {"Host": "email.eu-west-1.amazonaws.com", "Content-Type": "application/json"}
PLAIN = ReadOnlyCredentials("AKID", "secret", None)
SPEC = ReadOnlyCredentials("AKID/+", "s3cret/+=é", "token/+==")
SECONDS = 1_764_547_199


def of_sdk(
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    headers: dict[str, str],
    body: bytes,
    credentials: ReadOnlyCredentials,
    seconds: int,
) -> dict[str, str]:
    now = datetime.fromtimestamp(seconds, UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)
    request = AWSRequest("POST", f"https://{headers['Host']}{path}", dict(headers), body)
    botocore.auth.SigV4Auth(credentials, "ses", "eu-west-1").add_auth(request)
    return dict(request.headers)


@pytest.mark.parametrize("credentials", [PLAIN, SPEC], ids=["plain", "token"])
@pytest.mark.parametrize("path", ["/", "/v2/email/outbound-emails", "/a b/%20/../ü//~c", ""])
@pytest.mark.parametrize("body", [b"", b"{}", "é".encode() * 10_000])
def test_it_is_that_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, credentials: ReadOnlyCredentials
) -> None:
    headers = {**HEADERS, "X-Amz-Target": "  Some.Thing   with  spaces "}
    expected = of_sdk(monkeypatch, path, headers, body, credentials, SECONDS)
    assert signed_headers(path, headers, body, credentials, "ses", "eu-west-1", SECONDS) == expected


def test_each_day_secret_and_region_has_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (SECONDS, SECONDS + 1, SECONDS):  # the second is of the next day
        for credentials in (PLAIN, SPEC):
            expected = of_sdk(monkeypatch, "/", HEADERS, b"{}", credentials, seconds)
            assert signed_headers("/", HEADERS, b"{}", credentials, "ses", "eu-west-1", seconds) == expected
    first = signed_headers("/", HEADERS, b"{}", PLAIN, "ses", "eu-west-1", SECONDS)
    other = signed_headers("/", HEADERS, b"{}", PLAIN, "ses", "us-east-1", SECONDS)
    assert first["Authorization"] != other["Authorization"]
