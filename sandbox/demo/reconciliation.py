"""The count that proves the demo: events written against mails accepted. Pure, and blind to our own tables."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`accepted`: events with a mail; `lost`: without one; `duplicated`: mails beyond the first of an event;
    `unexpected`: mails of no event.
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
    """Hold the recipients of the events that were written, each its own, against those of the accepted mails."""
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
