"""The channel `sms`: Amazon SNS, one Publish to a phone number for each message."""

from collections.abc import Sequence
from typing import ClassVar

from notifier.channels import Capability
from notifier.errors import SettingsError, TemplateError
from notifier.messages import Message, Sms, SmsContent
from notifier.outcomes import Outcome, Rejected
from notifier.send_pool import SendPool
from notifier.settings import Settings, load_recipient_settings
from notifier.templates import Templates
from workers.channels.aws.failures import outcome_before_request
from workers.channels.sms.client import SnsClient
from workers.channels.sms.phone_number import is_region
from workers.channels.sms.refusals import outcome_of_answer, outcome_of_error
from workers.channels.sms.request import number_of, publish_request, sms_attributes

CONCURRENCY = 32
"""Concurrent requests. SNS allows an account tens of SMS a second."""
TEMPLATE_PART = "sms.txt"


class SmsChannel:
    """The channel `sms`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Sms

    def __init__(self, settings: Settings) -> None:
        try:
            self._attributes = sms_attributes(settings)
        except ValueError as error:
            raise SettingsError(f"NOTIFIER_SMS_SENDER_ID {error}") from None
        self._region = settings.sms_region
        if self._region and not is_region(self._region):
            raise SettingsError(f"NOTIFIER_SMS_REGION {self._region} is no country: two letters, as PT")
        self._rate = settings.sms_per_second
        self._client = SnsClient(settings, CONCURRENCY)
        self._pool = SendPool("sms", settings.send_lease_seconds, CONCURRENCY)

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

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Sms, SmsContent]) -> Outcome:
        try:
            request = publish_request(message, self._attributes, self._region)
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        try:
            client = self._client.ready()
        except Exception as error:  # noqa: BLE001 - plug-ins of the SDK may raise anything
            return outcome_before_request(error)
        try:
            answer = client.publish(**request)
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return outcome_of_error(error, own_sender=bool(message.request.sender))
        return outcome_of_answer(answer)
