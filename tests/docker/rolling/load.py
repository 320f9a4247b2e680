"""Events that are written at a steady rate, each with the time at which it was written."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from examples.activity import Item, sample_items
from notifier.settings import Settings
from sandbox.system import TABLE, local_session
from sandbox.table import EventTable

_WRITERS = 4
"""On a busy machine one writer waits too long for the emulator to write 300 events a second."""
_BATCHES_A_SECOND = 12


class Load:
    """Writes `rate` events a second, from `start` until `stop`.

    `written` holds for each recipient the time just before the call that wrote its event, in Unix seconds; only
    events that DynamoDB acknowledged are in it. `seconds` is how long it wrote.
    """

    def __init__(self, settings: Settings, rate: float) -> None:
        self.written: dict[str, float] = {}
        self.seconds = 0.0
        self.failed: BaseException | None = None
        self._size = max(1, min(25, round(rate / _BATCHES_A_SECOND)))
        self._rate = rate
        self._settings = settings
        self._items = sample_items(1_000_000_000)
        self._batches = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, name="load") for _ in range(_WRITERS)]
        self._began = 0.0

    def start(self) -> Self:
        self._began = time.monotonic()
        for each in self._threads:
            each.start()
        return self

    def stop(self) -> None:
        """End the writing. Raise what ended it before, if something did."""
        self._stop.set()
        for each in self._threads:
            each.join(60)
        self.seconds = time.monotonic() - self._began
        if self.failed:
            raise self.failed

    def _write(self) -> None:
        table = EventTable(self._settings, TABLE, local_session(self._settings))
        try:
            while not self._stop.wait(max(0.0, (batch := self._next())[0] - time.monotonic())):
                at = time.time()
                for item in table.write(batch[1]):
                    self.written[item["to"]] = at
        except Exception as error:  # noqa: BLE001
            self.failed = error

    def _next(self) -> tuple[float, list[Item]]:
        """Return the next batch, and when it is due."""
        with self._lock:
            due = self._began + next(self._batches) * self._size / self._rate
            return due, list(itertools.islice(self._items, self._size))


@contextmanager
def load(settings: Settings, rate: float) -> Iterator[Load]:
    """A load that runs until the end of the block."""
    running = Load(settings, rate).start()
    try:
        yield running
    finally:
        running.stop()
