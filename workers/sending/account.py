"""Whether the channel sends. Parks it when the provider's account is blocked, and reopens it by a probe."""

from collections.abc import Sequence

import structlog

from notifier.outbox import ChannelStates
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled

log = structlog.get_logger(__name__)

_ANSWERS = (Accepted, NotSent, Rejected, Throttled)


class AccountState:
    """The gate of one channel, in front of all its workers: its state is a row in the database."""

    def __init__(self, channels: ChannelStates, channel: str) -> None:
        self._channels = channels
        self._channel = channel

    def closed(self) -> str | None:
        """Why nothing is sent now; None where the channel runs."""
        state = self._channels.state(self._channel)
        return None if state.runs else f"the channel is {state.state}: {state.reason}"

    def probe(self) -> bool:
        """Whether this worker may send one message through the closed gate, to see whether it works again."""
        return self._channels.claim_probe(self._channel)

    def learn(self, outcomes: Sequence[Outcome], *, probing: bool) -> None:
        """Close the gate where the account is blocked; open it where a probe was answered."""
        blocked = next((each for each in outcomes if isinstance(each, Blocked)), None)
        if blocked is not None:
            if self._channels.park(self._channel, blocked.reason):
                log.critical("ALARM: channel parked", channel=self._channel, reason=blocked.reason)
        elif (
            probing and any(isinstance(each, _ANSWERS) for each in outcomes) and self._channels.reopen(self._channel)
        ):
            log.warning("channel works again", channel=self._channel)
