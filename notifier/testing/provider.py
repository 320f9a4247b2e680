"""The provider that the conformance suite needs, and settings for a channel in tests."""

from enum import Enum
from typing import Any, Protocol

from notifier.messages import Message
from notifier.settings import Settings


class Behaviour(Enum):
    """What a provider does with a request after it has read all of it."""

    ACCEPT = "accepts, and answers so"
    REFUSE = "refuses for good; its answer should quote the recipient, which a reason must not repeat"
    THROTTLE = "refuses because of too many requests"
    HANG = "accepts, and never answers"
    CUT = "accepts, and closes the connection without an answer"
    UNREACHABLE = "refuses connections; set before the channel is made"


class Provider(Protocol):
    """A provider whose behaviour is set by the tests, and that counts. `HttpProvider` is one."""

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        """Behave so from now on. With `only`, towards requests for this message; all others are accepted."""

    def accepted(self, message: Message[Any, Any]) -> int:
        """Return how often it has accepted this message; requests with the same idempotency key count once."""

    def requests(self) -> int:
        """Return how many requests it has received, whatever it did with them."""


def channel_settings(**changes: Any) -> Settings:
    """Return settings for a channel in tests, with a database and a broker that do not exist."""
    return Settings.model_validate(
        {"database_url": "postgresql://nowhere/none", "broker_url": "redis://nowhere", **changes}
    )
