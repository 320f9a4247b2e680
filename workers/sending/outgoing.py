"""What was built goes out: some of it is written without a request, the rest is sent."""

from collections.abc import Callable, Sequence
from uuid import UUID

from notifier.notifications import Status
from notifier.outbox import Change
from workers.building.collector import Collector
from workers.building.preparer import Prepared
from workers.collaborators import Collaborators
from workers.decide import LeftPending
from workers.fallback import write
from workers.sending.decided import write_decided
from workers.sending.limits import changes_of, is_over_limit, limited_of
from workers.sending.sender import Sender, recipient_of
from workers.sending.shadowing import Shadowing


class Outgoing:
    """Sends batches on one channel. Safe to share between threads."""

    def __init__(
        self,
        collaborators: Collaborators,
        collector: Collector | None,
        on_written: Callable[[Sequence[Prepared | Change]], None],
    ) -> None:
        """`collector` knows the members of the leaders in a batch. `on_written` is called with each batch, once its
        changes are written.
        """
        self._attempts = collaborators.attempts
        self._fallback = collaborators.fallback
        self._has_limits = collaborators.has_limits
        self._count = collaborators.count
        self._collector = collector
        self._on_written = on_written
        self._sender = Sender(collaborators)
        self._shadowing = Shadowing(collaborators, self.decide) if collaborators.may_shadow else None
        self._retry = collaborators.retry

    def send(self, batch: Sequence[Prepared | Change], *, probing: bool) -> list[Change]:
        """Write what is decided without a request, and what is in shadow; send the rest. Return the changes that were
        written, and a `LeftPending` for each that stays pending.
        """
        ready = [each for each in batch if isinstance(each, Prepared)]
        left: list[Change] = [each for each in batch if isinstance(each, LeftPending)]
        decided = [each for each in batch if isinstance(each, Change) and not isinstance(each, LeftPending)]
        in_shadow: list[Change] = []
        if self._shadowing:
            ready, in_shadow = self._shadowing.write(ready, self._retry(_ids(ready)), probing=probing)
        over: list[Change] = []
        if self._has_limits:
            ready, over = self._without_full(ready)
        changes, sent = self.decide(decided), self._sender.send(ready, probing=probing)
        self._on_written(batch)
        if self._has_limits:
            over += [each for each in sent if is_over_limit(each)]
            sent = [each for each in sent if not is_over_limit(each)]
        if self._count:
            self._count(changes, built=False)
            self._count(in_shadow + sent, built=True)
            if over:
                self._count(over, built=True, limited=True)
        done = left + changes + in_shadow + sent + over
        return [each for each in done if each.to is not Status.MERGED] if self._collector else done

    def decide(self, changes: Sequence[Change]) -> list[Change]:
        """Write changes for which no request is made. Return those that were written."""
        moved: list[Change] = []
        if self._fallback:
            moved, changes = write(self._attempts, changes, self._retry([each.id for each in changes]))
        given = self._collector.given(changes) if self._collector else {}
        return moved + write_decided(self._attempts, changes, self._retry, given)

    def _without_full(self, ready: Sequence[Prepared]) -> tuple[list[Prepared], list[Change]]:
        """Write those whose limit is used up already, so that they use nothing of the rate. Return the others, and
        the changes that were written. Of the others, some may find no place when they begin, and some be suppressed.
        """
        limited = limited_of(ready)
        if not limited:
            return list(ready), []
        recipients = [recipient_of(each) for each in ready if each.route.at_most]
        retry = self._retry([each.id for each in limited])
        full = retry.run(lambda: self._attempts.full_limits(limited, recipients))
        ids = {each.id for each in full}
        return [each for each in ready if each.due.id not in ids], self.decide(changes_of(ready, full))


def _ids(ready: Sequence[Prepared]) -> list[UUID]:
    return [each.due.id for each in ready]
