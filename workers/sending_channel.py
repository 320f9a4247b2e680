"""What the sending of messages needs of a channel."""

from collections.abc import Sequence
from typing import Any, Protocol

from notifier.messages import Message
from notifier.outcomes import Outcome


class SendingChannel(Protocol):
    """Sends messages: a channel, or a class around one that measures or traces it. The methods are those of
    `notifier.channels.Channel`.
    """

    @property
    def one_provider(self) -> bool: ...

    def address(self, to: str, /) -> str: ...

    def send(self, messages: Sequence[Message[Any, Any]], /) -> list[Outcome]: ...
