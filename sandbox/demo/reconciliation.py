"""Compare the events that were written with the mails that the provider accepted, without our own tables."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of the comparison.

    `accepted` are events with a mail, `lost` those without. `duplicated` are mails after the first of an event,
    `unexpected` mails without an event.
    """

    events: int
    accepted: int
    lost: int
    duplicated: int
    unexpected: int

    @property
    def exact(self) -> bool:
        """Each event has exactly one mail, and there was at least one event."""
        return self.events > 0 and self.accepted == self.events and not (self.duplicated or self.unexpected)


def reconcile(written: Iterable[str], accepted: Iterable[str]) -> Reconciliation:
    """Return how the recipients of the events, each of which has its own, differ from those of the accepted mails."""
    events = set(written)
    mails = Counter(accepted)
    reached = events & mails.keys()
    return Reconciliation(
        events=len(events),
        accepted=len(reached),
        lost=len(events) - len(reached),
        duplicated=sum(mails[each] - 1 for each in reached),
        unexpected=sum(count for recipient, count in mails.items() if recipient not in events),
    )
