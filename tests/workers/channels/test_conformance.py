"""Our channels pass the conformance suite for channels."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from notifier import Chat, Email, Push, Sms, Webhook
from notifier.channels import Channel, load_channel
from notifier.settings import Settings
from notifier.testing import ChannelConformance
from sandbox.embedded.ses import SesServer
from simulators.push import PushSimulator
from simulators.push.apns import ApnsSimulator
from simulators.push.apns.account import KEY_ID, TEAM_ID, TOPIC
from simulators.push.browser import Browser
from simulators.smtp import SmtpSimulator
from tests.workers.channels.providers import (
    ApnsProvider,
    ChatServer,
    FcmProvider,
    PushService,
    SesProvider,
    SmtpProvider,
    SnsProvider,
    TextProvider,
    WebhookReceiver,
)

HELLO = {
    "hello/subject.txt": "Hello",
    "hello/body.txt": "Good day",
    "hello/sms.txt": "Good day",
    "hello/chat.txt": "Hi",
}
PUSH = {"hello/push.txt": "Good day", "hello/push_title.txt": "Hello"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

pytestmark = pytest.mark.usefixtures("aws")


class TestEmail(ChannelConformance):
    templates = HELLO

    @pytest.fixture
    def provider(self, ses: SesServer) -> SesProvider:
        return SesProvider(ses)

    def make_channel(self, provider: SesProvider, settings: Settings) -> Channel:
        changes = {
            "sender": "us@example.com",
            "aws_region": "eu-west-1",
            "aws_ses_endpoint_url": provider.url,
            "ses_mode": "single",  # the simulator's faults concern requests, and a bulk call has many messages
        }
        return load_channel("email", settings.model_copy(update=changes))

    def recipient(self, provider: SesProvider, number: int) -> str:
        return f"person{number}@example.com"

    def request(self, to: str) -> Email:
        return Email(to, "hello")

    def unrenderable(self, to: str) -> Email:
        return Email(to, "no such template")


class TestSmtp(ChannelConformance):
    templates = HELLO
    not_recipients = (*ChannelConformance.not_recipients, "ana", "ana@localhost", "zoë@example.com")

    @pytest.fixture
    def provider(self) -> Iterator[SmtpProvider]:
        with SmtpSimulator() as server:
            yield SmtpProvider(server)

    def make_channel(self, provider: SmtpProvider, settings: Settings) -> Channel:
        changes = {
            "sender": "us@example.com",
            "smtp_host": "127.0.0.1",
            "smtp_port": provider.port,
            "smtp_security": "none",
        }
        return load_channel("smtp", settings.model_copy(update=changes))

    def recipient(self, provider: SmtpProvider, number: int) -> str:
        return f"person{number}@example.com"

    def request(self, to: str) -> Email:
        return Email(to, "hello")

    def unrenderable(self, to: str) -> Email:
        return Email(to, "no such template")


class TestSms(ChannelConformance):
    templates = HELLO
    not_recipients = (*ChannelConformance.not_recipients, "212345678", "+0123456789", "+12125550100,+12125550101")

    @pytest.fixture
    def provider(self) -> Iterator[SnsProvider]:
        with SnsProvider() as provider:
            yield provider

    def make_channel(self, provider: SnsProvider, settings: Settings) -> Channel:
        changes = {"aws_region": "eu-west-1", "aws_sns_endpoint_url": provider.url}
        return load_channel("sms", settings.model_copy(update=changes))

    def recipient(self, provider: SnsProvider, number: int) -> str:
        return f"+351912345{number:03}"

    def request(self, to: str) -> Sms:
        return Sms(to, template="hello")

    def unrenderable(self, to: str) -> Sms:
        return Sms(to)


class TestTextMessages(TestSms):
    @pytest.fixture
    def provider(self) -> Iterator[Any]:
        with TextProvider() as provider:
            yield provider

    def make_channel(self, provider: Any, settings: Settings) -> Channel:
        changes = {
            "sms_provider": "end-user-messaging",
            "sms_configuration_set": "sms-events",
            "aws_region": "eu-west-1",
            "aws_sms_endpoint_url": provider.url,
        }
        return load_channel("sms", settings.model_copy(update=changes))


class TestPush(ChannelConformance):
    templates = PUSH
    not_recipients = (*ChannelConformance.not_recipients, "too-short", "a token with spaces in it, or so")

    @pytest.fixture
    def provider(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FcmProvider]:
        with PushSimulator() as server:
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.key_file(tmp_path)))
            yield FcmProvider(server)

    def make_channel(self, provider: FcmProvider, settings: Settings) -> Channel:
        return load_channel("push", settings.model_copy(update={"fcm_endpoint_url": provider.url}))

    def recipient(self, provider: FcmProvider, number: int) -> str:
        return f"registration-token:{number:030}"

    def request(self, to: str) -> Push:
        return Push(to, template="hello")

    def unrenderable(self, to: str) -> Push:
        return Push(to)


class TestApns(ChannelConformance):
    templates = PUSH
    not_recipients = (*ChannelConformance.not_recipients, "abcdef", "0" * 63, "g" * 64, "a token of fcm:0123456789")

    @pytest.fixture
    def provider(self) -> Iterator[ApnsProvider]:
        with ApnsSimulator() as server:
            yield ApnsProvider(server)

    def make_channel(self, provider: ApnsProvider, settings: Settings) -> Channel:
        changes = {
            "apns_key": SecretStr(provider.server.account.key),
            "apns_key_id": KEY_ID,
            "apns_team_id": TEAM_ID,
            "apns_topic": TOPIC,
            "apns_endpoint_url": provider.url,
        }
        return load_channel("apns", settings.model_copy(update=changes))

    def recipient(self, provider: ApnsProvider, number: int) -> str:
        return f"{number + 1:064x}"

    def request(self, to: str) -> Push:
        return Push(to, template="hello")

    def unrenderable(self, to: str) -> Push:
        return Push(to)


class TestWebPush(ChannelConformance):
    templates = PUSH
    not_recipients = (
        *ChannelConformance.not_recipients,
        "https://push.example/a-long-secret",
        '{"endpoint": "https://push.example/x"}',
        '{"endpoint": "https://push.example/x", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}',
        "[]",
    )

    @pytest.fixture
    def provider(self) -> Iterator[PushService]:
        with PushService() as provider:
            yield provider

    def make_channel(self, provider: PushService, settings: Settings) -> Channel:
        key = ec.generate_private_key(ec.SECP256R1())
        private = b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()
        changes = {
            "webpush_private_key": SecretStr(private),
            "webpush_subject": "mailto:us@example.com",
            "webpush_allow_private": True,
        }
        return load_channel("webpush", settings.model_copy(update=changes))

    def recipient(self, provider: PushService, number: int) -> str:
        return Browser(f"{provider.url}/push/a-long-secret-{number}").subscription

    def request(self, to: str) -> Push:
        return Push(to, template="hello")

    def unrenderable(self, to: str) -> Push:
        return Push(to)


class TestChat(ChannelConformance):
    templates = HELLO
    not_recipients = (*ChannelConformance.not_recipients, "hook", "ftp://example.com/", "https://", "https://u:p@h/")

    @pytest.fixture
    def provider(self) -> Iterator[ChatServer]:
        with ChatServer() as provider:
            yield provider

    def make_channel(self, provider: ChatServer, settings: Settings) -> Channel:
        return load_channel("chat", settings.model_copy(update={"chat_allow_private": True}))

    def recipient(self, provider: ChatServer, number: int) -> str:
        return f"{provider.url}/services/T0001/B{number:05}/a-long-secret-{number}"

    def request(self, to: str) -> Chat:
        return Chat(to, template="hello")

    def unrenderable(self, to: str) -> Chat:
        return Chat(to)


class TestWebhook(ChannelConformance):
    not_recipients = (*ChannelConformance.not_recipients, "hook", "ftp://example.com/", "https://", "https://u:p@h/")

    @pytest.fixture
    def provider(self) -> Iterator[WebhookReceiver]:
        with WebhookReceiver() as provider:
            yield provider

    def make_channel(self, provider: WebhookReceiver, settings: Settings) -> Channel:
        given = settings.model_dump() | {"webhook_secret": SECRET, "webhook_allow_private": True}
        return load_channel("webhook", Settings.model_validate(given))

    def recipient(self, provider: WebhookReceiver, number: int) -> str:
        return f"{provider.url}/hooks/{number}?key=a-long-one-{number}"

    def request(self, to: str) -> Webhook:
        return Webhook(to, {"type": "greeted"})

    def unrenderable(self, to: str) -> Webhook:
        return Webhook(to, {"what": object()})
