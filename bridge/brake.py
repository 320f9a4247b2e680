"""Slows the reading down while the outbox has more than it should hold. The stream keeps records for 24 hours."""

import structlog

from notifier.outbox import Publications

log = structlog.get_logger(__name__)

SLOW_SECONDS = 2.0


class Brake:
    """`seconds` is the least pause between two pages of a shard: 0 while the backlog is below the mark."""

    def __init__(self, publications: Publications, high_water: int) -> None:
        self._publications = publications
        self._high_water = high_water
        self.seconds = 0.0

    def measure(self) -> None:
        backlog = self._publications.backlog()
        pressed = backlog > self._high_water
        if pressed != bool(self.seconds):
            log.warning("reading slows down" if pressed else "reading at full speed again", backlog=backlog)
        self.seconds = SLOW_SECONDS if pressed else 0.0
