"""Email through Amazon SES: SendEmail of SESv2, one request for each message."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from notifier.channels import Capability
from notifier.errors import SettingsError
from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Outcome, Rejected, Throttled
from notifier.settings import Settings
from notifier.templates import Templates
from workers.channels.address import mailbox_of, wire_address
from workers.channels.sdk_errors import outcome_before_request
from workers.channels.ses_client import SesClient
from workers.channels.ses_errors import outcome_of_answer, outcome_of_error
from workers.channels.ses_request import send_email_request

CONCURRENCY = 64
"""Requests under way at once: about 1 ms of this process each, and then tens of milliseconds of waiting for SES."""


class SesChannel:
    """The channel `email`. Safe to share between threads; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.DELIVERY_EVENTS
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Email

    def __init__(self, settings: Settings) -> None:
        self._sender = _sender(settings.sender)
        self._configuration_set = settings.ses_configuration_set
        self._seconds = settings.send_lease_seconds / 2
        self._client = SesClient(settings, CONCURRENCY)
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="ses")

    @staticmethod
    def address(to: str) -> str:
        return mailbox_of(to)

    def rate(self) -> float | None:
        return send_rate(self._client.ready().get_account())

    def render(self, request: Email, templates: Templates) -> EmailContent:
        return templates.render(request.template, request.context, request.locale)

    def send(self, messages: Sequence[Message[Email, EmailContent]]) -> list[Outcome]:
        """Starts no request in the second half of the lease, for the row might be someone else's by then."""
        deadline = time.monotonic() + self._seconds
        return list(self._threads.map(lambda message: self._send_one(message, deadline), messages))

    def close(self) -> None:
        self._threads.shutdown()
        self._client.close()

    def _send_one(self, message: Message[Email, EmailContent], deadline: float) -> Outcome:
        try:
            request = send_email_request(message, self._sender, self._configuration_set)
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        try:
            client = self._client.ready()
        except Exception as error:  # noqa: BLE001 - plug-ins of the SDK raise what they like
            return outcome_before_request(error)
        if time.monotonic() >= min(deadline, message.not_after):
            return Throttled("too slow for this many messages at once; not sent")
        try:
            answer = client.send_email(**request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message needs its outcome
            return outcome_of_error(error)
        return outcome_of_answer(answer)


def send_rate(account: Mapping[str, Any]) -> float | None:
    """Recipients a second that the answer of GetAccount allows."""
    found = account.get("SendQuota", {}).get("MaxSendRate")
    return float(found) if found else None


def _sender(address: str) -> str:
    if not address:
        raise SettingsError("NOTIFIER_SENDER is not set: the address that emails come from, verified in SES")
    try:
        return wire_address(address)
    except ValueError as error:
        raise SettingsError(f"the address in NOTIFIER_SENDER {error}") from None
