"""Sends what is ready: waits for the rate and a provider that answers, then one attempt: begin, request, finish.

Everything that is slow or may fail beside the request comes before begin, or after finish. So a process that dies, or
loses the database, leaves only those deliveries unknown whose request was being made.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog

from notifier.database.errors import DatabaseError
from notifier.errors import Unreachable
from notifier.messages import SES_NAME, Message
from notifier.notifications import Status
from notifier.outbox import Begun, Change, Recipient
from notifier.outcomes import Outcome, Throttled, Unknown
from notifier.process.clock import boottime
from notifier.telemetry import trace
from workers.building.preparer import Prepared
from workers.collaborators import Collaborators
from workers.decide import after_send, left_pending, too_late, without_returned
from workers.fallback import write
from workers.process.database_retry import DatabaseRetry, written
from workers.sending.copies import further_recipients, with_left_out, without_barred
from workers.sending.decided import write_decided
from workers.sending.limits import changes_of, limited_of
from workers.sending.reachability import Reachability

log = structlog.get_logger(__name__)

_TURN_SECONDS = 45.0
"""How long to wait for the rate, or for a provider that does not answer. Less than the broker's visibility window."""
_RETRY_SECONDS = 600.0
"""How long to repeat the write of outcomes, so that a database that comes back within it loses none."""
_FINISH_SECONDS = 20.0
"""How long a worker that is to end waits for the database to take the outcome of a request that has been sent."""


class Sender:
    """Sends on one channel. Once `stop` is set it begins nothing; requests that are being made are finished."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._attempts = collaborators.attempts
        self._channel = collaborators.channel
        self._lease_seconds = collaborators.lease_seconds
        self._in_progress = collaborators.in_progress
        self._account = collaborators.account
        self._bucket = collaborators.bucket
        self._stop = collaborators.stop
        self._fallback = collaborators.fallback
        self._collects = collaborators.digests is not None
        self._has_limits = collaborators.has_limits
        self._reachability = Reachability(stop=collaborators.stop)
        self._retry: Callable[..., DatabaseRetry] = partial(collaborators.retry, seconds=_RETRY_SECONDS)

    def send(self, ready: Sequence[Prepared], *, probing: bool) -> list[Change]:
        """Return the changes that were written, and a `LeftPending` for each that could not be sent in time.

        With `probing`, the channel is parked and this is its probe. What was not begun because this process is to end
        is left out, and so is what another worker settled. Raise Unreachable if the database does not answer.
        """
        done: list[Change] = []
        sent = 0
        for batch in self._batches(ready):
            sent += len(batch)
            done += self._attempt(batch, probing=probing)
        if self._stop.is_set():
            return done
        reason = "the provider does not answer, or its rate is used up"
        return done + [left_pending(each.due.id, reason) for each in ready[sent:]]

    def _batches(self, ready: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
        """Yield batches, each when it may be sent; none once this process is to end."""
        rest = ready
        while rest and not self._stop.is_set():
            ids = [each.due.id for each in rest]
            allowed = self._reachability.allowance(len(rest), _TURN_SECONDS)
            self._in_progress.touch(ids)
            taken = 0
            for batch in self._bucket.batches(
                rest[:allowed],
                _TURN_SECONDS,
                lambda: self._in_progress.touch(ids),  # noqa: B023  called within this turn of the loop only
                rest[0].route.lane,  # that of all, as they come from one queue
            ):
                if self._stop.is_set():
                    return
                taken += len(batch)
                yield batch
            if not taken:
                return
            rest = rest[taken:]

    def _attempt(self, ready: Sequence[Prepared], *, probing: bool) -> list[Change]:
        """Make one attempt for each. Return the changes that were written."""
        retry = self._retry([each.due.id for each in ready])
        if any(each.further for each in ready):
            ready = self._with_copies(ready, retry)
        recipients = [recipient_of(each) for each in ready]
        token = retry.run(self._attempts.token)
        not_after = boottime() + self._lease_seconds / 2
        spared = self._fallback.spared([(each.due.id, each.route) for each in ready]) if self._fallback else []
        limited = limited_of(ready) if self._has_limits else []
        given = given_of(ready) if self._collects else {}
        begin = retry.run(
            lambda: self._attempts.begin(
                token, recipients, self._lease_seconds, probing=probing, spared=spared, limited=limited, given=given
            )
        )
        if boottime() > not_after:  # a try whose answer was lost may have begun them, and its lease may have ended
            done = self._finish(token, [too_late(each.due) for each in ready])
        else:
            done = self._send_begun(ready, token, begin.begun, not_after, probing=probing)
        done += suppressed_of(ready, begin.suppressed)
        if begin.merged:
            done += merged_of(ready, begin.merged)
        over = [each.id for each in begin.over_limit]
        if spared and (left := set(spared).difference((each.id for each in begin.begun), over)):
            done += self._or_left_pending(left, lambda: self._go_on([each for each in ready if each.due.id in left]))
        if over:
            changes = changes_of(ready, begin.over_limit)
            done += self._or_left_pending(over, lambda: write_decided(self._attempts, changes, self._retry, given))
        return done

    def _send_begun(
        self, ready: Sequence[Prepared], token: UUID, attempted: Sequence[Begun], not_after: float, *, probing: bool
    ) -> list[Change]:
        """Make the requests of what was begun. Return the changes that were written."""
        attempts = {each.id.int: each.attempt for each in attempted}
        begun = [each for each in ready if each.due.id.int in attempts]
        if not begun:
            self._reachability.nothing_asked()
            return []
        outcomes = self._request(begun, attempts, not_after)
        one_provider = self._channel.one_provider
        changes = [
            after_send(each.due, outcome, each.route.retry, one_provider=one_provider)
            for each, outcome in zip(begun, outcomes, strict=True)
        ]
        if self._fallback:
            changes = [self._fallback.after(change, each.route) for change, each in zip(changes, begun, strict=True)]
        if any(each.left_out for each in begun):
            changes = [with_left_out(each, change) for each, change in zip(begun, changes, strict=True)]
        written = self._finish(token, changes)
        self._adapt(outcomes, probing=probing)
        return without_returned(written)

    def _with_copies(self, ready: Sequence[Prepared], retry: DatabaseRetry) -> Sequence[Prepared]:
        """Return them without their suppressed recipients. What is sent next waits until the rate has room for all
        that remain: a token was taken for each mail.
        """
        found = without_barred(ready, self._channel, lambda given: retry.run(lambda: self._attempts.barred(given)))
        if more := further_recipients(found):
            self._bucket.spend(more, found[0].route.lane)
        return found

    def _request(self, begun: Sequence[Prepared], attempts: Mapping[int, int], not_after: float) -> list[Outcome]:
        """Have the channel make the requests. A channel that breaks its contract leaves their outcome unknown.

        `attempts` are their numbers, by the number of the id.
        """
        ids = [each.due.id for each in begun]
        ends = self._stop.is_set
        messages = [
            Message(
                each.due.id, attempts[each.due.id.int], each.request, each.content, not_after, ends, each.expires_at
            )
            for each in begun
        ]
        self._in_progress.touch(ids)
        try:
            outcomes = self._channel.send(messages)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever it is, the requests may have been sent
            log.error("the channel raised", error=type(error).__name__, trace=trace(error))  # noqa: TRY400
            return [Unknown(f"the channel raised {type(error).__name__}")] * len(begun)
        self._in_progress.touch(ids)
        if len(outcomes) != len(messages):
            return [Unknown(f"the channel gave {len(outcomes)} answers to {len(messages)} messages")] * len(begun)
        return outcomes

    def _finish(self, token: UUID, changes: Sequence[Change]) -> list[Change]:
        """Write the changes. Return those that were written."""
        retry = self._retry([each.id for each in changes], again=lambda _: True, after_stop=_FINISH_SECONDS)
        moved: list[Change] = []
        if self._fallback:  # first: finish ends the claim
            moved, changes = write(self._attempts, changes, retry, token)
        ids = retry.run(lambda: self._attempts.finish(token, changes))
        if len(ids) == len(changes):  # all of them: it returns no others
            return [*moved, *changes]
        return moved + written(changes, ids, retry)

    def _or_left_pending(self, ids: Collection[UUID], step: Callable[[], list[Change]]) -> list[Change]:
        """Return what `step` wrote of these, which are pending. If the database fails they stay so: the result of the
        requests that were made is written, and must be returned.
        """
        try:
            return step()
        except (DatabaseError, Unreachable) as error:
            log.error("deliveries stay pending", count=len(ids), error=type(error).__name__, trace=trace(error))  # noqa: TRY400
        if self._stop.is_set():  # left out, so that their messages go back to the broker
            return []
        return [left_pending(id_, "the database did not take what was decided") for id_ in ids]

    def _go_on(self, spared: Sequence[Prepared]) -> list[Change]:
        """Take those whose recipient is suppressed to their next channel. Return the changes that were written."""
        assert self._fallback  # noqa: S101  narrows the type
        retry = self._retry([each.due.id for each in spared])
        recipients = [recipient_of(each) for each in spared]
        reasons = retry.run(lambda: self._attempts.why_suppressed(recipients))
        barred = [each for each in spared if each.due.id in reasons]
        changes = [self._fallback.suppressed(each.due.id, each.route, reasons[each.due.id]) for each in barred]
        moved, left = write(self._attempts, changes, retry)
        return moved + written(left, retry.run(lambda: self._attempts.decide(left)), retry)

    def _adapt(self, outcomes: Sequence[Outcome], *, probing: bool) -> None:
        """Adapt to what the outcomes say of the provider. After finish, so that it delays no row."""
        if self._channel.one_provider:
            self._reachability.update(outcomes)
            if any(issubclass(kind, Throttled) for kind in set(map(type, outcomes))):
                self._bucket.slow_down()
        try:
            self._account.apply(outcomes, probing=probing)
        except DatabaseError as error:
            log.warning("the state of the channel could not be written", error=type(error).__name__)


def given_of(ready: Sequence[Prepared]) -> dict[UUID, tuple[UUID, ...]]:
    """Return the members whose events are in these messages, by their leader."""
    return {each.due.id: each.due.member_ids for each in ready if each.due.members is not None}


def recipient_of(prepared: Prepared) -> Recipient:
    route = prepared.route
    return Recipient(
        prepared.due.id,
        prepared.address,
        route.topic,
        route.transactional,
        prepared.original,
        prepared.template,
        prepared.further,
        _own_set(named) if (named := getattr(prepared.request, "configuration_set", None)) else None,
    )


def _own_set(named: object) -> str | None:
    """Return the configuration set that a message names, None if SES can have no such: it is not sent then."""
    return named if isinstance(named, str) and SES_NAME.fullmatch(named) else None


def merged_of(ready: Sequence[Prepared], ids: Collection[UUID]) -> list[Change]:
    """Return the changes of the members of these messages among `ids`."""
    routes = {id_: each.due.route for each in ready for id_ in each.due.member_ids}
    return [Change(id_, Status.MERGED, route=routes[id_]) for id_ in ids]


def suppressed_of(ready: Sequence[Prepared], ids: Sequence[UUID]) -> list[Change]:
    if not ids:
        return []
    routes = {each.due.id: each.due.route for each in ready}
    return [Change(id_, Status.SUPPRESSED, route=routes[id_]) for id_ in ids]
