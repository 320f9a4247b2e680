"""What the channel `sms` needs of a service that sends SMS."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from notifier.aws import Service
from notifier.doctor.finding import Finding
from notifier.messages import Message, Sms, SmsContent
from notifier.outcomes import Outcome

SmsMessage = Message[Sms, SmsContent]


class Gateway(Protocol):
    """One service. All methods but `send` and `examine` are pure."""

    service: Service
    longest: int
    """Characters of a text that it takes."""

    def request(self, message: SmsMessage, text: str) -> dict[str, Any]:
        """Return the parameters for one SMS. Raise ValueError, without the number in it, for what cannot be sent."""

    def send(self, client: Any, request: Mapping[str, Any]) -> Outcome:
        """Make one request, and return the outcome of its answer. Raise what the SDK raises."""

    def outcome_of_error(self, error: Exception, *, own_sender: bool) -> Outcome:
        """Return the outcome of a request that raised. `own_sender`: the route names the sender of this SMS."""

    def examine(self, client: Any) -> Iterator[Finding]:
        """Yield for `notifier doctor` what the service says of this account. Sends nothing."""
