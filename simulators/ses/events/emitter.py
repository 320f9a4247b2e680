"""Sends events to the queue when they are due, in tasks of their own, so that accepting mails never waits for it."""

import asyncio
import logging
import time
from collections.abc import Container
from dataclasses import asdict
from typing import Any, Protocol

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


class Events(Protocol):
    """Gets each accepted mail, and publishes its events: `Emitter`, or a sink of a test."""

    def offer(self, receipt: Receipt, suppressed: Container[str]) -> None: ...
    async def run(self) -> None: ...
    def clear(self) -> None: ...
    def as_json(self) -> dict[str, Any]: ...


class Emitter:
    """Sends several batches at once. While the queue does not answer, events wait in the schedule."""

    def __init__(
        self, schedule: Schedule, queue: Queue, connections: int, account: Account, signer: Signer | None = None
    ) -> None:
        """`connections` is how many batches are sent at once. A `signer` wraps events as SNS does."""
        self._schedule = schedule
        self._queue = queue
        self._connections = connections
        self._account = account
        self._signer = signer
        self._wake = asyncio.Event()
        self._in_flight = self._delivered = self._refused = 0
        self._away: str | None = None

    def offer(self, receipt: Receipt, suppressed: Container[str]) -> None:
        """Schedule the events of this mail. Never waits."""
        if self._schedule.add(receipt, suppressed, time.monotonic()):
            self._wake.set()

    async def run(self) -> None:
        """Send events until cancelled."""
        try:
            async with asyncio.TaskGroup() as senders:
                for _ in range(self._connections):
                    senders.create_task(self._send_all())
        finally:
            await self._queue.close()

    def clear(self) -> None:
        self._schedule.clear()
        self._delivered = self._refused = 0

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self._schedule.counts),
            "delivered": self._delivered,
            "refused": self._refused,
            "pending": len(self._schedule) + self._in_flight,
            "queue_away": self._away,
        }

    async def _send_all(self) -> None:
        while True:
            bodies = [self._body(event) for event in await self._due()]
            self._in_flight += len(bodies)
            for batch in batches(bodies):
                await self._send(batch)

    async def _due(self) -> list[ScheduledEvent]:
        """Wait until events are due; return at most a batch of them."""
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
        body = orjson.dumps(record(self._account, event.receipt, event.mail_event)).decode()
        if self._signer is None:
            return body
        return orjson.dumps(self._signer.envelope(self._account.topic, body, time.time())).decode()

    async def _send(self, bodies: list[str]) -> None:
        """Send them until the queue has accepted or refused each one, with growing pauses between the attempts."""
        if not fits(bodies[0]):
            # Every attempt would fail, and the events behind it would never be sent.
            self._refused += 1
            self._in_flight -= 1
            return
        wait = _FIRST_WAIT
        while bodies:
            bodies = await self._send_once(bodies)
            if bodies:
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    async def _send_once(self, bodies: list[str]) -> list[str]:
        """Send them once; return those that must be sent again."""
        try:
            failed = await self._queue.send(bodies)
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
            _log.warning("events wait, as the queue does not take them: %s", reason)
        self._away = reason
