"""The channel `sms`: through Amazon SNS or AWS End User Messaging, one request for each message."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from notifier.aws import aws_errors
from notifier.channels import Capability
from notifier.doctor.finding import Finding
from notifier.errors import SettingsError, TemplateError
from notifier.messages import Message, Sms, SmsContent
from notifier.outcomes import Outcome, Rejected
from notifier.send_pool import SendPool
from notifier.settings import Settings, load_recipient_settings
from notifier.sms import segments_of
from notifier.templates import Templates
from notifier.text import sound
from workers.channels.aws.failures import outcome_before_request
from workers.channels.sms.client import SmsClient
from workers.channels.sms.end_user_messaging import EndUserMessaging
from workers.channels.sms.gateway import Gateway
from workers.channels.sms.phone_number import is_region, number_of
from workers.channels.sms.sns import SnsGateway

CONCURRENCY = 32
"""Concurrent requests. AWS allows an account tens of SMS a second."""
TEMPLATE_PART = "sms.txt"


class SmsChannel:
    """The channel `sms`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    """That of SNS; see `capability_of`."""
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Sms

    def __init__(self, settings: Settings) -> None:
        self._region = settings.sms_region
        if self._region and not is_region(self._region):
            raise SettingsError(f"NOTIFIER_SMS_REGION {self._region} is no country: two letters, as PT")
        self._gateway: Gateway = EndUserMessaging(settings) if _reports(settings) else SnsGateway(settings)
        self._most = settings.sms_max_segments
        self._rate = settings.sms_per_second
        self._client = SmsClient(settings, CONCURRENCY, service=self._gateway.service)
        self._pool = SendPool("sms", settings.send_lease_seconds, CONCURRENCY)

    @staticmethod
    def capability_of(settings: Settings) -> Capability:
        """Return RECEIPTS for AWS End User Messaging, NONE for SNS, which sends no events about SMS."""
        return Capability.RECEIPTS if _reports(settings) else Capability.NONE

    @staticmethod
    def silence(settings: Settings) -> str | None:
        """Return why no events come, although the service has them: without a configuration set. None if not."""
        if not _reports(settings) or settings.sms_configuration_set:
            return None
        return "NOTIFIER_SMS_CONFIGURATION_SET is empty"

    @staticmethod
    def address(to: str) -> str:
        try:
            return SmsChannel.checked_address(to)
        except ValueError:
            return to.strip()

    @staticmethod
    def checked_address(to: str) -> str:
        """Return the number in E.164. NOTIFIER_SMS_REGION is the country of numbers without a country code."""
        return number_of(to, load_recipient_settings().sms_region)

    def rate(self) -> float | None:
        return self._rate

    def render(self, request: Sms, templates: Templates) -> SmsContent:
        if request.text is not None and request.template is None:
            return SmsContent(request.text)
        if request.template is not None and request.text is None:
            text = templates.text(request.template, TEMPLATE_PART, request.context, request.locale)
            return SmsContent(text.strip())
        raise TemplateError("an Sms has either a text or a template")

    def send(self, messages: Sequence[Message[Sms, SmsContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def examine(self) -> Iterator[Finding]:
        """Yield for `notifier doctor` what the service says of this account. Sends nothing."""
        with aws_errors("AWS"):
            client = self._client.ready()
        yield from self._gateway.examine(client)

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Sms, SmsContent]) -> Outcome:
        try:
            request = self._gateway.request(message, self._text(message.content.text))
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        try:
            client = self._client.ready()
        except Exception as error:  # noqa: BLE001 - plug-ins of the SDK may raise anything
            return outcome_before_request(error)
        try:
            return self._gateway.send(client, request)
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return self._gateway.outcome_of_error(error, own_sender=bool(message.request.sender))

    def _text(self, given: str) -> str:
        """Return the text to be sent. Raise ValueError if it is empty or too long."""
        text = sound(given)
        if not text.strip():
            raise ValueError("the text is empty")
        if len(text) > self._gateway.longest:
            raise ValueError(f"the text has {len(text)} characters; AWS takes {self._gateway.longest}")
        if self._most is not None and (found := segments_of(text)).parts > self._most:
            raise ValueError(
                f"the text takes {found.parts} segments ({found.encoding}); "
                f"NOTIFIER_SMS_MAX_SEGMENTS allows {self._most}"
            )
        return text


def _reports(settings: Settings) -> bool:
    """Return whether SMS go through AWS End User Messaging, which reports what became of them."""
    return settings.sms_provider == "end-user-messaging"
