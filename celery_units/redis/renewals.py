"""Renewals: a worker that lives keeps the messages that it works on for longer than the visibility timeout.

kombu gives such a message to another worker, as if the first one had died. While all workers are slow, each message
would then be run several times, which makes them slower still.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import inf
from time import monotonic
from typing import Any, NamedTuple

from kombu.log import get_logger

from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import MOST

log = get_logger(__name__)

AGE, STEP = 1 / 3, 1 / 6
"""Parts of the visibility timeout: a message is renewed when it was taken or renewed so long ago, which is looked up
so often.
"""
LONGEST = 10
"""A message is renewed until it was held for so many visibility timeouts: its unit may hang in a thread."""


class Hold(NamedTuple):
    """When this process took a message, and when it renewed it last: on the monotonic clock, before the request."""

    taken: float
    renewed: float


def to_renew(held: Mapping[str, Hold], now: float, visibility: float) -> dict[str, float]:
    """Return the tags to renew, each with the seconds until the visibility timeout of its last renewal."""
    before = now - visibility * AGE
    return {tag: visibility - (now - renewed) for tag, (_, renewed) in held.items() if renewed <= before}


def held_too_long(held: Mapping[str, Hold], now: float, visibility: float) -> list[str]:
    """Return the tags that are not renewed any more."""
    since = now - visibility * LONGEST
    return [tag for tag, (taken, renewed) in held.items() if taken < since and renewed != inf]


class Renewals:
    """Renews the messages that one channel holds, in the event loop's thread: one that hangs renews nothing."""

    def __init__(self, channel: Any, held: dict[str, Hold], visibility: float) -> None:
        """`held` has the tags that the channel holds unacknowledged; `visibility` is the timeout in seconds."""
        self._channel = channel
        self._held = held
        self._visibility = visibility
        self._timer: Any = None
        self._refusals = Refusals("Redis refuses to renew the messages that this worker holds")

    def start(self) -> None:
        """Look from now on, as long as any message is held."""
        if self._timer is None and self._visibility > 0 and (loop := self._channel.loop):
            self._timer = loop.call_later(self._visibility * STEP, self._look)

    def _look(self) -> None:
        self._timer = None
        self._channel.qos.forget_acknowledged()
        if self._held:
            self.renew()
            self.start()

    def renew(self) -> None:
        """Renew what is due. If Redis does not take it, the next look tries again."""
        now = monotonic()
        if old := held_too_long(self._held, now, self._visibility):
            seconds = self._visibility * LONGEST
            log.warning("%d messages were held for more than %g s and go to another worker soon", len(old), seconds)
            self._leave(old)
        try:
            for page in _pages(to_renew(self._held, now, self._visibility)):
                self._renew(page, now)
        except self._channel.connection_errors as error:
            log.debug("messages are not renewed yet: %s", error)
        except self._channel.ResponseError as error:
            self._refusals.add(error)
        else:
            self._refusals.end()

    def _renew(self, page: dict[str, float], now: float) -> None:
        left = self._channel.kept.renew(page)
        for tag in page:
            self._held[tag] = Hold(self._held[tag].taken, now)
        self._leave(left)

    def _leave(self, tags: Iterable[str]) -> None:
        """Do not renew these again: they are not this worker's any more."""
        for tag in tags:
            self._held[tag] = Hold(self._held[tag].taken, inf)


def _pages(due: dict[str, float]) -> Iterator[dict[str, float]]:
    items = iter(due.items())
    while page := dict(islice(items, MOST)):
        yield page
