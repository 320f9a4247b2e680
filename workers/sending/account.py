"""Whether the channel may send. A blocked account parks it, and a probe reopens it."""

from collections.abc import Sequence

import structlog

from notifier.outbox import ChannelStates
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled

log = structlog.get_logger(__name__)

_ANSWERS = (Accepted, NotSent, Rejected, Throttled)


class AccountState:
    """The state of one channel's account with its provider. It is a row in the database, for all workers."""

    def __init__(self, channels: ChannelStates, channel: str) -> None:
        self._channels = channels
        self._channel = channel

    def closed(self) -> str | None:
        """Return why nothing may be sent now; None if the channel runs."""
        state = self._channels.state(self._channel)
        return None if state.runs else f"the channel is {state.state}: {state.reason}"

    def probe(self) -> bool:
        """Return whether this worker may send one message of a parked channel, to find out if it works again."""
        return self._channels.claim_probe(self._channel)

    def apply(self, outcomes: Sequence[Outcome], *, probing: bool) -> None:
        """Park the channel if the account is blocked; reopen it if a probe was answered."""
        blocked = next((each for each in outcomes if isinstance(each, Blocked) and not each.within), None)
        if blocked is not None:
            if self._channels.park(self._channel, blocked.reason):
                log.critical("ALARM: channel parked", channel=self._channel, reason=blocked.reason)
        elif (
            probing and any(isinstance(each, _ANSWERS) for each in outcomes) and self._channels.reopen(self._channel)
        ):
            log.warning("channel works again", channel=self._channel)
