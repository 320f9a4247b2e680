"""Amazon SNS: Publish to a phone number."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.aws import Service
from notifier.doctor.finding import Finding
from notifier.errors import SettingsError
from notifier.outcomes import Outcome
from notifier.settings import Settings
from workers.channels.sms.gateway import SmsMessage
from workers.channels.sms.sns.refusals import outcome_of_answer, outcome_of_error
from workers.channels.sms.sns.request import LONGEST, publish_request, sms_attributes


class SnsGateway:
    """SNS as a `Gateway`. It sends no events about SMS."""

    service: Service = "sns"
    longest = LONGEST

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError."""
        try:
            self._attributes = sms_attributes(settings)
        except ValueError as error:
            raise SettingsError(f"NOTIFIER_SMS_SENDER_ID {error}") from None
        self._region = settings.sms_region

    def request(self, message: SmsMessage, text: str) -> dict[str, Any]:
        return publish_request(message.request, text, self._attributes, self._region)

    def send(self, client: Any, request: Mapping[str, Any]) -> Outcome:
        return outcome_of_answer(client.publish(**request))

    def outcome_of_error(self, error: Exception, *, own_sender: bool) -> Outcome:
        return outcome_of_error(error, own_sender=own_sender)

    def examine(self, client: Any) -> Iterator[Finding]:  # noqa: ARG002
        """Yield nothing: the right to publish to numbers is not a right to look."""
        yield from ()
