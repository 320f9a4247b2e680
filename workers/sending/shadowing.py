"""Writes the messages of routes in shadow, which are built and not sent."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from notifier.outbox import BeginResult, Change, ShadowMessage
from workers.building.preparer import Prepared
from workers.building.shadow import shadow_reason, subject_of
from workers.collaborators import Collaborators
from workers.decide import shadowed
from workers.process.database_retry import DatabaseRetry, written
from workers.sending.copies import without_barred
from workers.sending.sender import given_of, merged_of, recipient_of, suppressed_of

Decide = Callable[[Sequence[Change]], list[Change]]
"""Writes changes for which no request is made, and returns those that were written."""


class Shadowing:
    """The messages in shadow of one channel."""

    def __init__(self, collaborators: Collaborators, decide: Decide) -> None:
        self._attempts = collaborators.attempts
        self._channel = collaborators.channel
        self._fallback = collaborators.fallback
        self._collects = collaborators.digests is not None
        self._decide = decide

    def write(
        self, ready: Sequence[Prepared], retry: DatabaseRetry, *, probing: bool
    ) -> tuple[list[Prepared], list[Change]]:
        """Write those in shadow. Return the others, and the changes that were written."""
        reasons = {each.due.id: reason for each in ready if (reason := shadow_reason(each))}
        held: Sequence[Prepared] = [each for each in ready if each.due.id in reasons]
        if not held:
            return list(ready), []
        if any(each.further for each in held):
            held = without_barred(held, self._channel, lambda to: retry.run(lambda: self._attempts.barred(to)))
        messages = [
            ShadowMessage(recipient_of(each), subject_of(each.content), reasons[each.due.id]) for each in held
        ]
        spared = self._fallback.spared([(each.due.id, each.route) for each in held]) if self._fallback else []
        given = given_of(held) if self._collects else {}
        result = retry.run(lambda: self._attempts.shadow(messages, probing=probing, spared=spared, given=given))
        done = self._done(held, reasons, result, spared, retry)
        return [each for each in ready if each.due.id not in reasons], done

    def _done(
        self,
        held: Sequence[Prepared],
        reasons: Mapping[UUID, str],
        result: BeginResult,
        spared: Sequence[UUID],
        retry: DatabaseRetry,
    ) -> list[Change]:
        """Return the changes that were written; the `spared` whose recipient is suppressed go on to their next
        channel.
        """
        left = set(spared).difference(result.shadowed)
        recipients = [recipient_of(each) for each in held if each.due.id in left]
        barred = retry.run(lambda: self._attempts.why_suppressed(recipients))
        changes = [
            shadowed(each.due, reasons[each.due.id])
            for each in held
            if each.due.id not in result.suppressed and each.due.id not in barred
        ]
        done = suppressed_of(held, result.suppressed) + written(changes, set(result.shadowed), retry)
        if self._fallback and barred:
            routes = {each.due.id: each.route for each in held}
            done += self._decide([self._fallback.suppressed(id_, routes[id_], why) for id_, why in barred.items()])
        return done + merged_of(held, result.merged) if result.merged else done
