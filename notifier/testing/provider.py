"""The far end of a channel, as the conformance suite needs it."""

from enum import Enum
from typing import Any, Protocol

from notifier.messages import Message
from notifier.settings import Settings


class Behaviour(Enum):
    """What a provider does with a request once it has read all of it."""

    ACCEPT = "accepts and says so"
    REFUSE = "refuses for good; an answer that quotes the recipient tries the channel's discretion"
    THROTTLE = "refuses because of too many requests"
    HANG = "accepts and never answers"
    CUT = "accepts and breaks off the connection without an answer"
    UNREACHABLE = "nobody listens; said before the channel is made"


class Provider(Protocol):
    """A provider that does as it is told, and counts. It may be a simulator, an emulator, or a few lines of HTTP."""

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        """From now on. With `only`, this message's requests are treated so, and all others accepted."""

    def accepted(self, message: Message[Any, Any]) -> int:
        """How often it has taken this message; under one key once, where it dedupes."""

    def requests(self) -> int:
        """How many requests have reached it, whatever became of them."""


def channel_settings(**changes: Any) -> Settings:
    """Settings with a database and a broker that no channel needs."""
    return Settings.model_validate(
        {"database_url": "postgresql://nowhere/none", "broker_url": "redis://nowhere", **changes}
    )
