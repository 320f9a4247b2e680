"""Sends the status updates of one destination: claims what is due, sends it, and deletes what was accepted."""

import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from notifier.outbox import ClaimedUpdate, FailedUpdate, StatusUpdates
from notifier.process.loops import NextIn
from notifier.retry import backoff
from notifier.status_updates import document
from workers.status_updates.counters import DestinationCounters
from workers.status_updates.destination import Destination, OutgoingUpdate

log = structlog.get_logger(__name__)

LEASE_SECONDS = 120.0
"""How long a claim lasts: longer than the slowest `send` of a destination takes."""
_LONGEST_PAUSE = 30.0
_LONGEST_WAIT = 300.0


class UpdateSender:
    """Sends to one destination. Any number of processes may do so at once.

    `destinations` are all of them: an update that has none gets these. An update that is not accepted waits longer
    each time, up to five minutes, and only later ones of its notification wait for it. If nothing of a round is
    accepted, the next rounds are small and rare until the destination works again. `counters` count its requests.
    """

    def __init__(
        self,
        status_updates: StatusUpdates,
        destination: Destination,
        destinations: Sequence[str],
        *,
        personal: bool = False,
        lease_seconds: float = LEASE_SECONDS,
        counters: DestinationCounters | None = None,
    ) -> None:
        self._status_updates = status_updates
        self._destination = destination
        self._destinations = destinations
        self._personal = personal
        self._lease = lease_seconds
        self._threads = ThreadPoolExecutor(destination.concurrency, thread_name_prefix="status-sender")
        self._counters = counters
        self._failures = 0
        self.refusal = ""
        """Why the destination accepted nothing in the last round; empty if it did, or was not asked yet."""

    def run_once(self) -> NextIn | None:
        """Send what is due, once. Return when the next round is due, None for the usual time."""
        more = self._status_updates.assign(self._destinations)
        claimed = self._status_updates.claim(self._destination.name, self._room(), self._lease)
        if not claimed:
            return NextIn(0.0) if more else None
        answers = self._send(claimed)
        accepted = [each.update for each, error in zip(claimed, answers, strict=True) if error is None]
        failed = [
            FailedUpdate(each.update, error, _wait(each.failures + 1))
            for each, error in zip(claimed, answers, strict=True)
            if error is not None
        ]
        if accepted:
            self._status_updates.accepted(self._destination.name, accepted)
        if failed:
            self._status_updates.failed(self._destination.name, failed)
        return self._next(len(accepted), failed)

    def close(self) -> None:
        """Wait for running requests, and close the connections."""
        self._threads.shutdown()
        self._destination.close()

    def _room(self) -> int:
        batch = self._destination.batch
        return batch if self._failures else batch * self._destination.concurrency

    def _send(self, claimed: Sequence[ClaimedUpdate]) -> list[str | None]:
        updates = [self._outgoing(each) for each in claimed]
        size = self._destination.batch
        batches = [updates[start : start + size] for start in range(0, len(updates), size)]
        return [answer for answers in self._threads.map(self._request, batches) for answer in answers]

    def _request(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        began = time.monotonic()
        answers = self._destination.send(updates)
        if self._counters:
            self._counters.count(answers, time.monotonic() - began)
        return answers

    def _outgoing(self, claimed: ClaimedUpdate) -> OutgoingUpdate:
        update = claimed.update
        # In ASCII: SQS refuses some characters, which the keys of an item may contain.
        body = json.dumps(document(update, personal=self._personal), separators=(",", ":"))
        return OutgoingUpdate(update.id, update.notification_id, update.at, body)

    def _next(self, accepted: int, failed: Sequence[FailedUpdate]) -> NextIn:
        if failed:
            log.warning(
                "status updates were not accepted, and are sent again later",
                destination=self._destination.name,
                accepted=accepted,
                failed=len(failed),
                reason=failed[0].error,
            )
        if accepted:
            self._failures, self.refusal = 0, ""
            return NextIn(0.0)
        self._failures += 1
        self.refusal = f"{self._destination.name}: {failed[0].error}"
        self._status_updates.note_failure(self._destination.name, failed[0].error)
        return NextIn(backoff(1.0, self._failures, _LONGEST_PAUSE))


def _wait(failures: int) -> float:
    return backoff(1.0, failures, _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311  no secret
