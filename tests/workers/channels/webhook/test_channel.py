"""WebhookChannel over HTTP: what the receiver gets, and the outcome of anything that it does."""

import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from notifier import Webhook
from notifier.channels import Capability, load_channel
from notifier.errors import SettingsError
from notifier.messages import Message, WebhookContent
from notifier.outcomes import Accepted, Late, NotSent, Outcome, Rejected, Unknown
from notifier.templates import Templates
from notifier.testing import Behaviour, HttpAnswer, HttpRequest, channel_settings
from tests.waiting import wait_until
from tests.workers.channels.providers import WebhookReceiver
from workers.channels.webhook import CONCURRENCY, WebhookChannel
from workers.channels.webhook.client import MAX_BODY

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PER_HOST = 16
IMPATIENT = 2.0
"""A lease that makes the channel wait for half a second."""

MakeChannel = Callable[..., WebhookChannel]


class Receiver(WebhookReceiver):
    says = HttpAnswer(200)

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return self.says


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def make_channel() -> Iterator[MakeChannel]:
    made = []

    def make(**changes: Any) -> WebhookChannel:
        given = {"webhook_secret": SECRET, "webhook_allow_private": True, **changes}
        made.append(WebhookChannel(channel_settings(**given)))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def message(to: str, payload: Any = None, **more: Any) -> Message[Webhook, WebhookContent]:
    return Message(uuid4(), 1, Webhook(to, payload, **more), WebhookContent(json.dumps(payload).encode()))


def send_one(channel: WebhookChannel, to: str, **more: Any) -> Outcome:
    (outcome,) = channel.send([message(to, **more)])
    return outcome


def test_a_slow_receiver_does_not_delay_another(make_channel: MakeChannel) -> None:
    """One unit has 240 events for a receiver that does not answer for a while, and 10 for another."""
    with Receiver() as slow, Receiver() as quick:
        slow.behave(Behaviour.HANG)
        channel, outcomes = make_channel(), []
        messages = [message(slow.url) for _ in range(240)] + [message(quick.url) for _ in range(10)]
        sending = threading.Thread(target=lambda: outcomes.extend(channel.send(messages)))
        sending.start()
        try:
            wait_until(lambda: quick.requests() == 10)
            receivers = channel._pool._receivers._receivers
            wait_until(lambda: len(receivers) == 1)  # that of the quick one is gone with its last answer
            (receiver,) = receivers.values()
            wait_until(lambda: not receiver.waiting)  # after 2 seconds: it is slow
            assert isinstance(send_one(channel, slow.url), Late)
            assert slow.requests() == PER_HOST
        finally:
            slow.behave(Behaviour.ACCEPT)
            sending.join(30)
        assert [type(each) for each in outcomes[PER_HOST:]] == [Late] * (240 - PER_HOST) + [Accepted] * 10


def test_is_installed_as_the_channel_webhook() -> None:
    channel = load_channel("webhook", channel_settings(webhook_secret=SECRET))
    assert isinstance(channel, WebhookChannel)
    assert channel.capability is Capability.IDEMPOTENCY_KEY
    channel.close()


def test_what_the_receiver_gets_can_be_verified(
    receiver: Receiver, make_channel: MakeChannel, tmp_path: Path
) -> None:
    channel = make_channel()
    request = Webhook(f"{receiver.url}/a%20b?c=d#e", {"price": Decimal("19.90")}, headers={"X-Topic": "Grüße"})
    content = channel.render(request, Templates(tmp_path))
    sent = Message(uuid4(), 1, request, content)
    assert channel.send([sent]) == [Accepted(None)]
    (got,) = receiver.received
    assert (got.path, got.body) == ("/a%20b?c=d", b'{"price":19.90}')
    assert got.headers["host"] == receiver.url.removeprefix("http://")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-topic"] == "Grüße"
    assert got.headers["idempotency-key"] == got.headers["webhook-id"] == str(sent.notification_id)
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    assert verified(got, SECRET)


def verified(got: HttpRequest, secret: str) -> bool:
    """Verify as a receiver does."""
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in got.headers["webhook-signature"].split(" ")


def test_a_route_may_have_a_secret_of_its_own(receiver: Receiver, make_channel: MakeChannel) -> None:
    channel = make_channel()
    send_one(channel, receiver.url, secret=OTHER)
    assert verified(receiver.received[0], OTHER)
    assert not verified(receiver.received[0], SECRET)
    assert isinstance(send_one(channel, receiver.url, secret="whsec_short"), Rejected)
    assert OTHER not in repr(Webhook(receiver.url, None, secret=OTHER))


def test_without_a_secret_only_messages_with_their_own_are_sent(
    receiver: Receiver, make_channel: MakeChannel
) -> None:
    channel = make_channel(webhook_secret=None)
    outcome = send_one(channel, receiver.url)
    assert isinstance(outcome, NotSent)  # `Blocked` would stop the others as well
    assert "NOTIFIER_WEBHOOK_SECRET" in outcome.reason
    assert receiver.received == []
    assert send_one(channel, receiver.url, secret=OTHER) == Accepted(None)


def test_an_invalid_secret_is_refused_at_the_start_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_WEBHOOK_SECRET") as caught:
        WebhookChannel(channel_settings(webhook_secret=f"{SECRET},hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("to", ["https://127.0.0.1:{port}/", "https://localhost:{port}/", "https://[::1]:{port}/"])
def test_private_addresses_are_refused_by_default(to: str, receiver: Receiver, make_channel: MakeChannel) -> None:
    channel = make_channel(webhook_allow_private=False)
    outcome = send_one(channel, to.format(port=receiver.url.rpartition(":")[2]))
    assert isinstance(outcome, Rejected)
    assert "NOTIFIER_WEBHOOK_ALLOW_PRIVATE" in outcome.reason
    assert receiver.connections == 0


def test_plain_http_is_refused_by_default(receiver: Receiver, make_channel: MakeChannel) -> None:
    outcome = send_one(make_channel(webhook_allow_private=False), receiver.url)
    assert isinstance(outcome, Rejected)
    assert "https://" in outcome.reason
    assert receiver.connections == 0


def test_a_redirect_is_not_followed(receiver: Receiver, make_channel: MakeChannel) -> None:
    with WebhookReceiver() as elsewhere:
        receiver.says = HttpAnswer(307, b"", {"Location": f"{elsewhere.url}/internal"})
        outcome = send_one(make_channel(), receiver.url)
        assert isinstance(outcome, Rejected)
        assert "redirect" in outcome.reason
        assert (len(receiver.received), elsewhere.received) == (1, [])


def test_proxies_cookies_and_netrc_are_ignored(
    receiver: Receiver, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login us password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    receiver.says = HttpAnswer(200, b"", {"Set-Cookie": "a=b"})
    channel = make_channel()
    assert [send_one(channel, receiver.url) for _ in range(2)] == [Accepted(None)] * 2
    for got in receiver.received:
        assert not got.headers.keys() & {"cookie", "authorization"}


def test_connections_are_kept_and_used_concurrently(receiver: Receiver, make_channel: MakeChannel) -> None:
    channel = make_channel()
    send_one(channel, receiver.url)
    send_one(channel, receiver.url)
    assert receiver.connections == 1
    assert channel.send([message(receiver.url) for _ in range(150)]) == [Accepted(None)] * 150
    assert receiver.connections <= CONCURRENCY


class RawReceiver:
    """Reads a request, writes the given bytes, and then writes dots until the client closes."""

    def __init__(self, server: socket.socket, head: bytes, dots: float | None) -> None:
        self._server, self._head, self._dots = server, head, dots
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.over = threading.Event()

    def serve(self) -> None:
        connection, _ = self._server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self._head)
            while self._dots is not None and not self.over.wait(self._dots):
                connection.sendall(b"." if self._dots else b"." * 65536)


@contextlib.contextmanager
def raw(head: bytes, dots: float | None = None) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = RawReceiver(server, head, dots)
        thread = threading.Thread(target=receiver.serve)
        thread.start()
        try:
            yield receiver.url
        finally:
            receiver.over.set()
            thread.join()


ENDLESS = b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\n\r\n"

WIRES: dict[str, tuple[bytes, float | None, type[Outcome]]] = {
    "accepted, and a body without end": (ENDLESS % 200, 0.0, Accepted),
    "accepted, and a body that drips": (ENDLESS % 200, 0.02, Accepted),
    "refused, and a body without end": (ENDLESS % 400, 0.0, Rejected),
    "a head that drips": (b"HTTP/1.1 200 OK\r\nX-Slow: ", 0.02, Unknown),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX-Long: ", 0.0, Unknown),
    "one informational answer after another": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, 0.02, Unknown),
    "no answer, and the connection ends": (b"", None, Unknown),
    "not HTTP": (b"what?\r\n\r\n", None, Unknown),
    "accepted, and cut before the body ends": (b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhalf", None, Accepted),
    "a broken body in chunks": (b"HTTP/1.1 410 X\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", None, Rejected),
    "compressed rubbish": (
        b"HTTP/1.1 400 X\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        None,
        Rejected,
    ),
}


@pytest.mark.parametrize("name", WIRES)
def test_any_answer_has_an_outcome_in_time(name: str, make_channel: MakeChannel) -> None:
    head, dots, expected = WIRES[name]
    channel = make_channel(send_lease_seconds=IMPATIENT)
    with raw(head, dots) as url:
        assert isinstance(send_one(channel, url), expected)


def test_no_more_of_a_body_is_read_than_a_reason_needs(make_channel: MakeChannel) -> None:
    let_go: list[bytes] = []

    def more_and_more(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)  # a third of what the channel would wait for the rest
            with connection.makefile("rb") as request:
                size = next(int(line[15:]) for line in request if line.lower().startswith(b"content-length:"))
                next(line for line in request if line == b"\r\n")
                request.read(size)
            connection.sendall(ENDLESS % 400 + b"." * MAX_BODY)
            let_go.append(connection.recv(1))

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as receiver:
        served = receiver.submit(more_and_more, server)
        outcome = send_one(make_channel(), f"http://127.0.0.1:{server.getsockname()[1]}")
        served.result()
    assert isinstance(outcome, Rejected)
    assert let_go == [b""]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `localhost` and its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("no `openssl` here to make a certificate with")
    made = tmp_path / "localhost.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *words.split(), "-keyout", tmp_path / "key.pem", "-out", made]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + (tmp_path / "key.pem").read_text())
    return made


@pytest.fixture
def secure(receiver: Receiver, certificate: Path) -> str:
    """The receiver with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = receiver._server
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return f"https://localhost:{server.socket.getsockname()[1]}/hook"


def test_a_valid_certificate_is_accepted(
    secure: str, certificate: Path, receiver: Receiver, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send_one(make_channel(), secure) == Accepted(None)
    assert receiver.received[0].path == "/hook"


def test_an_untrusted_certificate_gets_no_request(secure: str, receiver: Receiver, make_channel: MakeChannel) -> None:
    outcome = send_one(make_channel(), secure)
    assert isinstance(outcome, NotSent)
    assert receiver.received == []


def test_a_certificate_of_another_host_gets_no_request(
    secure: str, certificate: Path, receiver: Receiver, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outcome = send_one(make_channel(), secure.replace("localhost", "127.0.0.1"))
    assert isinstance(outcome, NotSent)
    assert "127.0.0.1" not in outcome.reason
    assert receiver.received == []


def test_a_handshake_without_an_answer_sent_nothing(make_channel: MakeChannel) -> None:
    with raw(b"", 0.02) as url:
        outcome = send_one(make_channel(send_lease_seconds=IMPATIENT), url.replace("http:", "https:"))
    assert isinstance(outcome, NotSent)
