"""The channel `webpush`: what a browser reads, who sent it, what answers mean, and where nothing is sent."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from notifier import Push
from notifier.channels import address_of
from notifier.errors import SettingsError
from notifier.messages import Message, PushContent
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from notifier.testing import HttpAnswer, HttpRequest, channel_settings
from simulators.push.browser import Browser
from tests.workers.channels.providers import PushService
from workers.channels.push.web import WebPushChannel

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = base64.b64encode(KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
Make = Callable[..., WebPushChannel]


class Service(PushService):
    says = HttpAnswer(201)

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return self.says


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[WebPushChannel] = []

    def make(**changes: Any) -> WebPushChannel:
        given = {
            "webpush_private_key": SecretStr(PRIVATE),
            "webpush_subject": "mailto:us@example.com",
            "webpush_allow_private": True,
        }
        made.append(WebPushChannel(channel_settings(**{**given, **changes})))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def send(channel: WebPushChannel, to: str, **more: Any) -> Outcome:
    push = Push(to, **{"title": "Shipped", "text": "On its way, já", **more})
    (outcome,) = channel.send([Message(ID, 1, push, PushContent(push.title or "", push.text or ""))])
    return outcome


def test_only_the_browser_reads_the_push(service: Service, make: Make) -> None:
    browser = Browser(f"{service.url}/push/a-long-secret")
    assert send(
        make(), browser.subscription, url="https://shop.example/17", data={"order": "17"}, ttl=60
    ) == Accepted(None)
    (request,) = service.received
    assert b"Shipped" not in request.body
    assert browser.read(request.body) == {
        "title": "Shipped",
        "body": "On its way, já",
        "tag": str(ID),
        "url": "https://shop.example/17",
        "data": {"order": "17", "notification_id": str(ID)},
    }
    headers = request.headers
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "60", "high")
    assert len(headers["topic"]) == 32


def test_a_push_is_kept_no_longer_than_it_is_of_use(service: Service, make: Make) -> None:
    push = Push(Browser(f"{service.url}/push/a-long-secret").subscription, text="x")
    make().send([Message(ID, 1, push, PushContent("", "x"), expires_at=time.time() + 90.5)])
    assert 60 < int(service.received[0].headers["ttl"]) <= 90


def test_a_push_is_signed_for_the_push_service(service: Service, make: Make) -> None:
    channel = make()
    for _ in range(2):
        send(channel, Browser(f"{service.url}/push/a-long-secret").subscription)
    first, second = (each.headers["authorization"] for each in service.received)
    assert first == second
    scheme, token, key = first.replace(",", "").split()
    claims = jwt.decode(token.removeprefix("t="), KEY.public_key(), algorithms=["ES256"], audience=service.url)
    assert (scheme, claims["sub"]) == ("vapid", "mailto:us@example.com")
    assert len(base64.urlsafe_b64decode(key.removeprefix("k=") + "=")) == 65


@pytest.mark.parametrize(
    ("answer", "expected", "gone"),
    [
        (HttpAnswer(201), Accepted, False),
        (HttpAnswer(202), Accepted, False),
        (HttpAnswer(404), Rejected, True),
        (HttpAnswer(410), Rejected, True),
        (HttpAnswer(413), Rejected, False),
        (HttpAnswer(400), Rejected, False),
        (HttpAnswer(403, b"BadJwtToken"), NotSent, False),
        (HttpAnswer(301, b"", {"Location": "http://127.0.0.1/"}), Rejected, False),
        (HttpAnswer(429, b"", {"Retry-After": "5"}), Throttled, False),
        (HttpAnswer(500), Unknown, False),
    ],
)
def test_each_answer_is_one_request_and_one_outcome(
    answer: HttpAnswer, expected: type[Outcome], gone: bool, service: Service, make: Make
) -> None:
    service.says = answer
    outcome = send(make(), Browser(f"{service.url}/push/a-long-secret").subscription)
    assert type(outcome) is expected
    assert getattr(outcome, "gone", False) is gone
    assert "a-long-secret" not in str(outcome)
    assert service.requests() == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "http://push.example/x",
    ],
)
def test_a_browser_cannot_name_an_address_in_our_network(endpoint: str, make: Make) -> None:
    outcome = send(make(webpush_allow_private=False), Browser(endpoint).subscription)
    assert isinstance(outcome, Rejected)
    assert "WEBPUSH_ALLOW_PRIVATE" in outcome.reason or "https" in outcome.reason


def test_the_suppressed_address_is_the_endpoint_without_keys() -> None:
    browser = Browser("https://push.example/a-long-secret")
    assert address_of("webpush", browser.subscription) == "https://push.example/a-long-secret"
    assert address_of("webpush", "https://PUSH.example/a-long-secret") == "https://push.example/a-long-secret"


@pytest.mark.parametrize(
    "keys", [{}, {"p256dh": "AA", "auth": "AA"}, {"p256dh": "A" * 87, "auth": "A" * 22}, {"p256dh": 1, "auth": 2}]
)
def test_a_subscription_with_wrong_keys_is_rejected(keys: dict[str, Any], service: Service, make: Make) -> None:
    to = json.dumps({"endpoint": f"{service.url}/push/x", "keys": keys})
    assert isinstance(send(make(), to), Rejected)
    assert service.requests() == 0


def test_a_push_that_is_too_large_is_rejected(service: Service, make: Make) -> None:
    browser = Browser(f"{service.url}/push/x")
    assert isinstance(send(make(), browser.subscription, text="x" * 4000), Rejected)
    assert isinstance(send(make(), browser.subscription, text="x" * 3700), Accepted)
    assert len(service.received[0].body) <= 4096


@pytest.mark.parametrize(
    "changes",
    [
        {"webpush_private_key": None},
        {"webpush_private_key": SecretStr("bm90IGEga2V5")},
        {"webpush_subject": ""},
    ],
)
def test_settings_that_cannot_work_are_refused_without_the_key(changes: dict[str, Any], make: Make) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_WEBPUSH") as raised:
        make(**changes)
    assert "bm90" not in str(raised.value)
