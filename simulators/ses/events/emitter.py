"""Carries events to the queue as their time comes, and never in the way of sending."""

import asyncio
import logging
import time
from collections.abc import Container, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from simulators.ses.account.account import Account
from simulators.ses.events.records import record
from simulators.ses.events.schedule import Schedule, ScheduledEvent
from simulators.ses.events.sns import Signer
from simulators.ses.events.sqs import MAX_BATCH, Queue, QueueUnavailable, batches, fits
from simulators.ses.mail import Receipt

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
_log = logging.getLogger(__name__)


class Emitter:
    """Sends over several connections at once. While the queue is away, events wait in the schedule."""

    def __init__(
        self, schedule: Schedule, queues: Sequence[Queue], account: Account, signer: Signer | None = None
    ) -> None:
        """A `signer` puts each event into SNS's envelope, as without raw message delivery."""
        self._schedule = schedule
        self._queues = queues
        self._account = account
        self._signer = signer
        self._wake = asyncio.Event()
        self._in_flight = self._delivered = self._refused = 0
        self._away: str | None = None

    def offer(self, receipt: Receipt, suppressed: Container[str]) -> None:
        """Publish the events of this mail some time. Never waits."""
        if self._schedule.add(receipt, suppressed, time.monotonic()):
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as senders:
                for queue in self._queues:
                    senders.create_task(self._send_all(queue))
        finally:
            for queue in self._queues:
                queue.close()

    def clear(self) -> None:
        self._schedule.clear()
        self._delivered = self._refused = 0

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self._schedule.tally),
            "delivered": self._delivered,
            "refused": self._refused,
            "pending": len(self._schedule) + self._in_flight,
            "queue_away": self._away,
        }

    async def _send_all(self, queue: Queue) -> None:
        while True:
            bodies = [self._body(event) for event in await self._due()]
            self._in_flight += len(bodies)
            for batch in batches(bodies):
                await self._send(queue, batch)

    async def _due(self) -> list[ScheduledEvent]:
        """Wait for events whose time has come; at most a batch."""
        while not (events := self._schedule.take(time.monotonic(), MAX_BATCH)):
            due = self._schedule.next_due()
            self._wake.clear()
            try:
                async with asyncio.timeout(None if due is None else max(due - time.monotonic(), 0)):
                    await self._wake.wait()
            except TimeoutError:
                continue
        return events

    def _body(self, event: ScheduledEvent) -> str:
        body = orjson.dumps(record(self._account, event.receipt, event.happening)).decode()
        if self._signer is None:
            return body
        return orjson.dumps(self._signer.envelope(self._account.topic, body, time.time())).decode()

    async def _send(self, queue: Queue, bodies: list[str]) -> None:
        """Again and again, until the queue has taken or refused each of them."""
        if not fits(bodies[0]):
            # No queue takes it, and trying for ever would hold up the others.
            self._refused += 1
            self._in_flight -= 1
            return
        wait = _FIRST_WAIT
        while bodies:
            bodies = await self._send_once(queue, bodies)
            if bodies:
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    async def _send_once(self, queue: Queue, bodies: list[str]) -> list[str]:
        """Returns those that have to be sent again."""
        try:
            failed = await queue.send(bodies)
        except QueueUnavailable as error:
            self._mark_away(str(error))
            return bodies
        self._away = None
        again = [bodies[one.place] for one in failed if not one.final]
        refused = len(failed) - len(again)
        self._refused += refused
        self._delivered += len(bodies) - len(failed)
        self._in_flight -= len(bodies) - len(again)
        return again

    def _mark_away(self, reason: str) -> None:
        if self._away is None:
            _log.warning("events wait: %s", reason)
        self._away = reason
