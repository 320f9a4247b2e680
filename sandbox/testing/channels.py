"""Channels in a test. Mails go to the SES simulator; what other channels send is kept in this process."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from notifier.channels import Channel, load_for_rendering
from notifier.messages import Message
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from notifier.settings import Settings
from notifier.testing import Behaviour, PlainMessage
from notifier.testing.message import plain_message

EMAIL = "email"
_OUTCOMES: dict[Behaviour, Outcome] = {
    Behaviour.REFUSE: Rejected("the test refuses it"),
    Behaviour.THROTTLE: Throttled("the test throttles it"),
    Behaviour.CUT: Unknown("the test cuts the connection"),
    Behaviour.UNREACHABLE: NotSent("the test lets no request through"),
}


class Acceptances:
    """What the providers of other channels than email accepted, with the id of each notification."""

    def __init__(self) -> None:
        self.messages: list[tuple[UUID, PlainMessage]] = []


class KeptChannel:
    """A channel whose own class builds and renders, and which sends nothing: messages are kept in `acceptances`.

    `faults` are the ways in which its provider treats the next messages.
    """

    def __init__(self, name: str, settings: Settings, acceptances: Acceptances) -> None:
        """Raise SettingsError if no channel of that name is installed."""
        self.faults: deque[Behaviour] = deque()
        self._name = name
        self._acceptances = acceptances
        self._channel = load_for_rendering(name, settings)

    def __getattr__(self, name: str) -> Any:
        """Return what is the channel's own: its request type, capability, address, rendering."""
        return getattr(self._channel, name)

    def rate(self) -> float | None:
        return None

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return [self._send(each) for each in messages]

    def _send(self, message: Message[Any, Any]) -> Outcome:
        behaviour = self.faults.popleft() if self.faults else Behaviour.ACCEPT
        if behaviour in (Behaviour.ACCEPT, Behaviour.CUT):
            kept = plain_message(self._name, message.request, message.content)
            self._acceptances.messages.append((message.notification_id, kept))
        return _OUTCOMES.get(behaviour) or Accepted(None)

    def close(self) -> None:
        with suppress(AttributeError):  # its constructor did not end
            self._channel.close()


class ReachableChannel:
    """The channel `email` as it is, but for requests that a test lets fail before they leave."""

    def __init__(self, channel: Channel) -> None:
        self.faults: deque[Behaviour] = deque()
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        if self.faults:
            return [_OUTCOMES[self.faults.popleft()]] * len(messages)
        return self._channel.send(messages)

    def close(self) -> None:
        """Nothing: other tests use the channel."""
