"""Runs an example: its events go the whole way in one process, on servers that this starts, and what becomes of them
is printed. The clock is the example's, so that nothing waits for a morning.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from notifier.errors import NotifierError
from sandbox.testing.deliveries import PlainDelivery
from sandbox.testing.pipeline import Pipeline, pipeline
from sandbox.testing.servers import test_servers
from sandbox.testing.variables import LOCAL_ONLY

SENDER = "Example <hello@example.com>"


class Story:
    """What happens in an example, and what is printed of it. Times are shown in `zone`."""

    def __init__(self, running: Pipeline, zone: str) -> None:
        self.pipeline = running
        self._zone = ZoneInfo(zone)
        self._messages = 0
        self._shown: dict[Any, str] = {}

    def at(self, time: datetime) -> None:
        """Go to a time."""
        self.pipeline.at(time)
        self._show()

    def later(self, time: timedelta, told: str) -> None:
        """Let time pass."""
        self.pipeline.advance(time)
        self._say(told)

    def change(self, told: str, new: Mapping[str, Any] | None, **options: Any) -> None:
        """Let a change of an item happen. The options are those of `Pipeline.put`."""
        self.pipeline.put(new, **options)
        self._say(told)

    def _say(self, told: str) -> None:
        print(f"{self.pipeline.now.astimezone(self._zone):%a %H:%M}  {told}")
        self._show()

    def _show(self) -> None:
        messages = self.pipeline.messages
        for each in messages[self._messages :]:
            files = f" [{', '.join(each.attachments)}]" if each.attachments else ""
            print(f"           -> {each.channel} to {each.to}: {each.subject or each.text.strip()}{files}")
        self._messages = len(messages)
        for delivery in self.pipeline.deliveries:
            self._show_delivery(delivery)

    def _show_delivery(self, delivery: PlainDelivery) -> None:
        if self._shown.get(delivery.id) == delivery.status:
            return
        self._shown[delivery.id] = delivery.status
        if delivery.status in ("sent", "delivered"):
            return  # its message was printed
        waits = delivery.next_attempt_at
        until = f" until {waits.astimezone(self._zone):%a %H:%M}" if waits else ""
        reason = f": {delivery.reason}" if delivery.reason else ""
        print(f"           .. {delivery.route}: {delivery.status}{until}{reason}")


def run(
    routes: str, tell: Callable[[Story], None], *, zone: str = "UTC", settings: Mapping[str, Any] | None = None
) -> None:
    """Start the servers, tell the story with the routes of this module, and check that everything has ended.

    Exit code 1 if something has not, or if a server does not start.
    """
    os.environ.update(LOCAL_ONLY)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    given = {"sender": SENDER, **(settings or {}), "routes": routes}
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            test_servers(Path(folder)) as servers,
            pipeline(servers, given) as running,
        ):
            tell(Story(running, zone))
            running.settled()
            print(f"\n{len(running.messages)} messages, each accepted exactly once; nothing is left to do")
    except (NotifierError, AssertionError) as error:
        sys.exit(f"{routes}: {error}")
