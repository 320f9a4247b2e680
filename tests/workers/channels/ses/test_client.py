"""The client of SES over HTTP: what it writes, on which connections, and when it must write nothing."""

import hashlib
import hmac
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import InvalidConfigError

from notifier.aws import AwsError
from notifier.aws_http.connections import FRESH_SECONDS, NotConnected
from tests.waiting import wait_until
from tests.workers.channels.ses.test_channel import settings
from tests.workers.channels.wire import Exchange, Request, Wire, accept, cut, plain, serve
from workers.channels.aws.failures import TooLate
from workers.channels.ses.client import SesClient

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = (
    b'{"Destination":{"ToAddresses":["ana@example.com"]},"EmailTags":[{"Name":"nid","Value":"1"}],'
    b'"Content":{"Simple":{"Subject":{"Data":"S"},"Body":{"Text":{"Data":"T"}},"Headers":[]}}}'
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as wire:
        yield wire


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(wire: Wire, clock: Clock) -> Iterator[SesClient]:
    with opened(wire.url, clock) as client:
        yield client


@contextmanager
def opened(url: str, clock: Clock | None = None) -> Iterator[SesClient]:
    client = SesClient(settings(url), clock or Clock())
    client.ready()
    yield client
    client.close()


def send(client: SesClient, deadline: float = float("inf")) -> str | None:
    found: str | None = client.ask("SendEmail", client.request("SendEmail", BODY), deadline).get("MessageId")
    return found


def signature(request: Request) -> str:
    """The signature of a received request, computed by the documentation of AWS and not by the SDK's code."""
    credential, signed, _ = request.head["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    _, date, region, service, _ = credential.removeprefix("Credential=").split("/")
    names = signed.removeprefix("SignedHeaders=")
    headers = "".join(f"{name}:{request.head[name]}\n" for name in names.split(";"))
    path = urlsplit(request.target).path
    canonical = "\n".join(["POST", path, "", headers, names, hashlib.sha256(request.raw).hexdigest()])
    scope = f"{date}/{region}/{service}/aws4_request"
    stamp = request.head["X-Amz-Date"]
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_a_request_is_signed_as_aws_documents(wire: Wire, client: SesClient) -> None:
    assert send(client) == "ses-1"
    (request,) = wire.requests
    assert request.raw == BODY
    assert request.head["Content-Type"] == "application/json"
    assert "/eu-west-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date," in request.head["Authorization"]
    assert request.head["Authorization"].endswith(f"Signature={signature(request)}")
    assert request.head["Host"] == urlsplit(wire.url).netloc


def test_a_session_token_is_sent_and_signed(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token/+=")
    with opened(wire.url) as client:
        send(client)
    (request,) = wire.requests
    assert request.head["X-Amz-Security-Token"] == "token/+="
    assert ";x-amz-security-token," in request.head["Authorization"]
    assert request.head["Authorization"].endswith(f"Signature={signature(request)}")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_with_a_line_break_make_no_request(
    name: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "value\r\nX-Evil: 1")
    with opened(wire.url) as client, pytest.raises(ValueError, match="line break") as raised:
        client.request("SendEmail", BODY)
    assert "value" not in str(raised.value)


def test_a_path_in_the_endpoint_comes_before_the_operation(wire: Wire) -> None:
    with opened(f"{wire.url}/ses/") as client:
        send(client)
    (request,) = wire.requests
    assert request.target == "/ses/v2/email/outbound-emails"
    assert request.head["Authorization"].endswith(f"Signature={signature(request)}")


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://email.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://email.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_endpoint_comes_from_the_sdk(region: str, url: str) -> None:
    client = SesClient(settings("", aws_region=region))
    client.ready()
    peer = client._endpoint.peer
    assert peer.url.geturl() == url
    assert peer.tls is not None
    assert f"\r\nHost: {peer.url.netloc}\r\n".encode() in client.request("SendEmail", BODY)
    client.close()


def test_a_connection_is_kept_but_not_for_long(wire: Wire, clock: Clock, client: SesClient) -> None:
    for connections in (1, 2, 3):
        send(client)
        clock.now += FRESH_SECONDS / 2
        send(client)
        assert wire.connections == connections
        clock.now += FRESH_SECONDS / 2 + 1
    assert len(wire.requests) == 6


def test_nothing_is_written_on_a_connection_that_the_server_has_closed(wire: Wire, client: SesClient) -> None:
    def accept_and_leave(exchange: Exchange) -> None:
        accept(exchange)
        exchange.close_connection = True

    wire.behave = accept_and_leave
    for _ in range(3):
        assert send(client) == "ses-1"
        wait_until(client._connections._kept[0].dropped)
    assert (wire.connections, len(wire.requests)) == (3, 3)


def test_a_connection_that_the_server_will_close_is_not_kept(wire: Wire, client: SesClient) -> None:
    wire.behave = plain(200, b'{"MessageId":"1"}', Connection="close")
    assert send(client) == "1"
    assert not client._connections._kept


def test_a_refusal_keeps_the_connection_and_a_lost_answer_does_not(wire: Wire, client: SesClient) -> None:
    wire.behave = lambda exchange: exchange.answer(400, b"{}")
    with pytest.raises(AwsError):
        send(client)
    assert len(client._connections._kept) == 1
    wire.behave = cut
    with pytest.raises(ConnectionError):
        send(client)
    assert not client._connections._kept


def test_an_answer_in_chunks_is_read_to_its_end(wire: Wire, client: SesClient) -> None:
    def in_chunks(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        exchange.wfile.write(b'7\r\n{"Messa\r\n9\r\ngeId":"1"\r\n1\r\n}\r\n0\r\n\r\n')

    wire.behave = in_chunks
    assert [send(client), send(client)] == ["1", "1"]
    assert wire.connections == 1


def test_the_time_may_end_before_a_connection_is_made(wire: Wire, clock: Clock, client: SesClient) -> None:
    with pytest.raises(TooLate):
        send(client, deadline=clock.now)
    assert wire.connections == 0


def test_the_time_may_end_while_a_connection_is_made(wire: Wire, client: SesClient) -> None:
    times = iter([1.0, 2.0, 3.0])
    client._clock = client._connections._clock = lambda: next(times)
    with pytest.raises(TooLate):
        send(client, deadline=3.0)
    client._clock = client._connections._clock = lambda: 4.0
    assert send(client) == "ses-1"
    assert (wire.connections, len(wire.requests)) == (1, 1)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(clock: Clock) -> None:
    with serve("::1") as wire, opened(wire.url, clock) as client:
        assert send(client) == "ses-1"
    (request,) = wire.requests
    assert request.head["Host"] == urlsplit(wire.url).netloc
    assert request.head["Authorization"].endswith(f"Signature={signature(request)}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, own, both = (folder / name for name in ("key.pem", "own.pem", "both.pem"))
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", own]
    subprocess.run(words, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + own.read_bytes())
    return both


@pytest.fixture
def secure(certificate: Path) -> Iterator[Wire]:
    with serve(certificate=certificate) as wire:
        yield wire


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_trusted_certificate_is_accepted(
    variable: str, secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    with opened(secure.url) as client:
        assert [send(client), send(client)] == ["ses-1", "ses-1"]
    assert secure.connections == 1


def test_an_untrusted_certificate_is_refused(secure: Wire) -> None:
    with opened(secure.url) as client, pytest.raises(NotConnected, match="CERTIFICATE_VERIFY_FAILED"):
        send(client)
    assert secure.requests == []


def test_a_certificate_of_another_name_is_refused(
    secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    url = secure.url.replace("127.0.0.1", "localhost")
    with opened(url) as client, pytest.raises(NotConnected, match="match"):
        send(client)
    assert secure.requests == []


def test_a_plain_request_goes_through_a_proxy(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", wire.url.replace("//", "//user:word@"))
    with opened("http://ses.invalid") as client:
        assert send(client) == "ses-1"
    (request,) = wire.requests
    assert request.target == "http://ses.invalid/v2/email/outbound-emails"
    assert request.head["Host"] == "ses.invalid"
    assert request.head["Proxy-Authorization"] == "Basic dXNlcjp3b3Jk"
    assert request.head["Authorization"].endswith(f"Signature={signature(request)}")


def test_tls_goes_through_a_proxy_to_the_server(
    wire: Wire, secure: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("https_proxy", wire.url.replace("//", "//user:word@"))
    with opened(secure.url) as client:
        assert send(client) == "ses-1"
    assert [each["Proxy-Authorization"] for each in wire.tunnels] == ["Basic dXNlcjp3b3Jk"]
    (request,) = secure.requests
    assert (request.target, request.head["Proxy-Authorization"]) == ("/v2/email/outbound-emails", None)


def test_a_proxy_that_makes_no_tunnel_sent_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", wire.url)
    monkeypatch.setattr(Exchange, "do_CONNECT", lambda exchange: exchange.send_error(407))
    with opened("https://ses.invalid") as client, pytest.raises(NotConnected, match="407"):
        send(client)


def test_no_proxy_of_the_environment_is_respected(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with opened(wire.url) as client:
        assert send(client) == "ses-1"


def test_a_proxy_with_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "https://127.0.0.1:9")
    with pytest.raises(InvalidConfigError, match="through a proxy with http://"):
        SesClient(settings("https://ses.invalid")).ready()


def test_the_sdk_asks_the_same_endpoint_for_the_account(wire: Wire, client: SesClient) -> None:
    wire.account = {"SendQuota": {"MaxSendRate": 14.0}}
    assert client.account()["SendQuota"] == {"MaxSendRate": 14.0}
