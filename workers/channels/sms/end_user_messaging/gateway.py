"""AWS End User Messaging: SendTextMessage of its API `pinpoint-sms-voice-v2`."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.aws import Service
from notifier.doctor.finding import Finding
from notifier.errors import SettingsError
from notifier.outcomes import Accepted, Outcome
from notifier.settings import Settings
from workers.channels.sms.end_user_messaging.account import account_findings
from workers.channels.sms.end_user_messaging.refusals import outcome_of_error
from workers.channels.sms.end_user_messaging.request import LONGEST, common_parameters, request_of
from workers.channels.sms.gateway import SmsMessage


class EndUserMessaging:
    """AWS End User Messaging as a `Gateway`. Our ids are in the context of each SMS, which its events repeat."""

    service: Service = "pinpoint-sms-voice-v2"
    longest = LONGEST

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError."""
        try:
            self._common = common_parameters(settings)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        self._region = settings.sms_region
        self._configuration_set = settings.sms_configuration_set

    def request(self, message: SmsMessage, text: str) -> dict[str, Any]:
        return request_of(message, text, self._common, self._region)

    def send(self, client: Any, request: Mapping[str, Any]) -> Outcome:
        found = client.send_text_message(**request).get("MessageId")
        return Accepted(found if isinstance(found, str) else None)

    def outcome_of_error(self, error: Exception, *, own_sender: bool) -> Outcome:
        return outcome_of_error(error, own_sender=own_sender)

    def examine(self, client: Any) -> Iterator[Finding]:
        """Yield whether the account may send to all numbers, and whether the configuration set reports to a topic."""
        yield from account_findings(client, self._configuration_set)
