"""Sends what is ready: waits for the rate and a provider that answers, then one attempt: begin, request, finish.

Everything that is slow or may fail beside the request comes before begin. So a process that dies leaves only those
deliveries unknown whose request was being made.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from notifier.channels import Channel
from notifier.database.errors import DatabaseError
from notifier.messages import Message
from notifier.notifications import Status
from notifier.outbox import Attempts, Change, Recipient
from notifier.outcomes import Outcome, Throttled, Unknown
from notifier.process.clock import boottime
from notifier.telemetry import trace
from workers.building.preparer import Prepared
from workers.decide import after_send, left_pending, returns_to_broker, too_late
from workers.process.database_retry import DatabaseRetry, written
from workers.process.in_progress import InProgress
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
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

    def __init__(
        self,
        attempts: Attempts,
        channel: Channel,
        lease_seconds: float,
        in_progress: InProgress,
        account: AccountState,
        bucket: TokenBucket,
        stop: Stop,
    ) -> None:
        self._attempts = attempts
        self._channel = channel
        self._lease_seconds = lease_seconds
        self._in_progress = in_progress
        self._account = account
        self._bucket = bucket
        self._stop = stop
        self._reachability = Reachability(stop=stop)

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
        recipients = [_recipient(each) for each in ready]
        retry = self._retry([each.id for each in recipients])
        token = retry.run(self._attempts.token)
        not_after = boottime() + self._lease_seconds / 2
        begin = retry.run(lambda: self._attempts.begin(token, recipients, self._lease_seconds, probing=probing))
        suppressed = _suppressed(ready, begin.suppressed)
        if boottime() > not_after:  # a try whose answer was lost may have begun them, and its lease may have ended
            return suppressed + self._finish(token, [too_late(each.due) for each in ready])
        attempts = {each.id: each.attempt for each in begin.begun}
        begun = [each for each in ready if each.due.id in attempts]
        if not begun:
            return suppressed
        outcomes = self._request(begun, attempts, not_after)
        changes = [
            after_send(each.due, outcome, each.route.retry, one_provider=self._channel.one_provider)
            for each, outcome in zip(begun, outcomes, strict=True)
        ]
        written = self._finish(token, changes)
        self._learn(outcomes, probing=probing)
        return suppressed + [each for each in written if not returns_to_broker(each)]

    def _request(self, begun: Sequence[Prepared], attempts: Mapping[UUID, int], not_after: float) -> list[Outcome]:
        """Have the channel make the requests. A channel that breaks its contract leaves their outcome unknown."""
        ids = [each.due.id for each in begun]
        ends = self._stop.is_set
        messages = [
            Message(each.due.id, attempts[each.due.id], each.request, each.content, not_after, ends) for each in begun
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
        return written(changes, retry.run(lambda: self._attempts.finish(token, changes)), retry)

    def _learn(self, outcomes: Sequence[Outcome], *, probing: bool) -> None:
        """Adapt to what the outcomes say of the provider. After finish, so that it delays no row."""
        if self._channel.one_provider:
            self._reachability.learn(outcomes)
            if any(isinstance(each, Throttled) for each in outcomes):
                self._bucket.slow_down()
        try:
            self._account.learn(outcomes, probing=probing)
        except DatabaseError as error:
            log.warning("the state of the channel could not be written", error=type(error).__name__)

    def _retry(self, ids: Sequence[UUID], **options: Any) -> DatabaseRetry:
        return DatabaseRetry(
            _RETRY_SECONDS, on_retry=lambda: self._in_progress.touch(ids), stop=self._stop, **options
        )


def _recipient(prepared: Prepared) -> Recipient:
    route = prepared.route
    return Recipient(prepared.due.id, prepared.address, route.topic, route.transactional)


def _suppressed(ready: Sequence[Prepared], ids: Sequence[UUID]) -> list[Change]:
    if not ids:
        return []
    routes = {each.due.id: each.due.route for each in ready}
    return [Change(id_, Status.SUPPRESSED, route=routes[id_]) for id_ in ids]
