"""Several queues that are subscribed to the topic of the events."""

import asyncio
from collections.abc import Container, Sequence
from typing import Any

from simulators.ses.events.emitter import Events
from simulators.ses.mail import Receipt


class Subscriptions:
    """Gives each mail to all emitters. The first one is that of which the simulator reports."""

    def __init__(self, emitters: Sequence[Events]) -> None:
        self._emitters = emitters

    def offer(self, receipt: Receipt, suppressed: Container[str]) -> None:
        for each in self._emitters:
            each.offer(receipt, suppressed)

    async def run(self) -> None:
        """Send events until cancelled."""
        async with asyncio.TaskGroup() as running:
            for each in self._emitters:
                running.create_task(each.run())

    def clear(self) -> None:
        for each in self._emitters:
            each.clear()

    def as_json(self) -> dict[str, Any]:
        return self._emitters[0].as_json()
