import base64
import hashlib
import hmac
from typing import Any
from uuid import UUID

import pytest

from workers.channels.webhook.request import endpoint, secrets_of, signed_headers

ID = UUID("0192f0c1-2345-8678-9abc-def012345678")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def headers(**own: Any) -> dict[str, str]:
    return signed_headers(ID, b"{}", 1614265330, secrets_of(SECRET), own)


def test_the_signature_is_the_one_of_the_standards_own_test() -> None:
    signed = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330, secrets_of(SECRET), {}
    )  # type: ignore[arg-type]
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_id_is_the_key_and_the_timestamp_is_of_the_attempt() -> None:
    signed = headers()
    assert signed["webhook-id"] == signed["Idempotency-Key"] == str(ID)
    assert signed["webhook-timestamp"] == "1614265330"
    assert signed["Content-Type"] == "application/json"


def test_while_one_secret_replaces_another_both_sign() -> None:
    new = f"whsec_{base64.b64encode(b'n' * 32).decode()}"
    signed = signed_headers(ID, b"{}", 7, secrets_of(f" {new} , {SECRET},"), {})
    first, second = signed["webhook-signature"].split(" ")
    assert first == f"v1,{signature(b'n' * 32)}"
    assert second == f"v1,{signature(base64.b64decode(SECRET.removeprefix('whsec_')))}"


def signature(secret: bytes) -> str:
    return base64.b64encode(hmac.new(secret, f"{ID}.7.{{}}".encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
        ("whsec_???", "base64"),
        (f"whsec_{base64.b64encode(b's' * 23).decode()}", "23 bytes"),
        (f"whsec_{base64.b64encode(b's' * 65).decode()}", "65 bytes"),
        (f"{SECRET},hunter2", "whsec_"),
    ],
)
def test_an_invalid_secret_is_refused_and_not_repeated(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        secrets_of(text)
    assert text.removeprefix("whsec_") not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_no_secrets_are_an_empty_tuple() -> None:
    assert secrets_of(" , ") == ()


@pytest.mark.parametrize(
    ("to", "url"),
    [
        ("https://example.com", "https://example.com"),
        (" https://EXAMPLE.com:443/a?b=c#d ", "https://example.com/a?b=c"),
        ("\ufeff\u200bhttps://example.com/a\u2060\n", "https://example.com/a"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://[2606:4700::1]:8443/", "https://[2606:4700::1]:8443/"),
    ],
)
def test_all_spellings_of_a_url_are_the_same(to: str, url: str) -> None:
    found = str(endpoint(to, allow_http=False))
    assert found == str(endpoint(url, allow_http=False)) == str(endpoint(found, allow_http=False))


@pytest.mark.parametrize(
    "to",
    [
        *("", " ", "example.com", "/path", "ftp://example.com", "file:///etc/passwd", "http://example.com"),
        *("https://", "https:///x", "https://user:pass@example.com", "https://user@example.com"),
        *("https://exa\r\nmple.com", "https://example.com:port", "https://[::1", "https://\ud800.example"),
        *(None, 7, b"https://example.com"),
    ],
)
def test_an_invalid_url_is_refused_and_not_repeated(to: object) -> None:
    with pytest.raises(ValueError, match="the URL in `to`") as caught:
        endpoint(to, allow_http=False)
    assert "user" not in str(caught.value).replace("a user or a password", "")
    assert "example" not in str(caught.value)


def test_plain_http_can_be_allowed() -> None:
    assert endpoint("http://127.0.0.1:80/x", allow_http=True).netloc == b"127.0.0.1"


@pytest.mark.parametrize(
    "own",
    [
        *({"Host": "evil"}, {"content-length": "0"}, {"Transfer-Encoding": "chunked"}, {"Idempotency-Key": "other"}),
        *(
            {"Webhook-Id": "other"},
            {"webhook-anything": "x"},
            {"Connection": "close"},
            {"Content-Type": "text/plain"},
        ),
        *({"X Y": "1"}, {"X:": "1"}, {"": "1"}, {"X\r\nY": "1"}, {7: "1"}, {"Ü": "1"}),
        *({"X": ""}, {"X": " "}, {"X": 7}, {"X": "日本"}),
    ],
)
def test_headers_that_a_route_may_not_set(own: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="header"):
        signed_headers(ID, b"{}", 7, (), own)


def test_headers_that_a_route_may_set() -> None:
    assert headers(Authorization="Bearer abc")["Authorization"] == "Bearer abc"
    assert headers(**{"X-Topic": "Grüße an alle"})["X-Topic"] == "Grüße an alle"
    assert headers(X="1\r\nHost: evil\n")["X"] == "1 Host: evil"
