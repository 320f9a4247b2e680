"""Our channels pass the conformance suite for channels."""

from collections.abc import Iterator

import pytest

from notifier import Email, Sms, Webhook
from notifier.channels import Channel, load_channel
from notifier.settings import Settings
from notifier.testing import ChannelConformance
from sandbox.embedded.ses import SesServer
from tests.workers.channels.providers import SesProvider, SnsProvider, WebhookReceiver

HELLO = {"hello/subject.txt": "Hello", "hello/body.txt": "Good day", "hello/sms.txt": "Good day"}
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
