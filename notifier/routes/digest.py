"""What a route collects to one message, and by what. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from notifier.errors import RoutesError
from notifier.events import Event
from notifier.routes.wording import duration_in_words

LONGEST_WINDOW = timedelta(days=7)
MOST_EVENTS = 500
FEWEST_EVENTS = 2
_EXACT = Context(prec=60)  # DynamoDB has 38 digits


@dataclass(frozen=True)
class Digest:
    """The events of a route with the same `by` within a time become one message: the function gets all of them.

        @route(
            table="visits",
            channel="email",
            digest=Digest(by="profile", window=timedelta(hours=1), at_most=100),
        )
        def viewed(events: list[Event]) -> Email | None: ...

    Raise RoutesError for an invalid value.
    """

    by: str | tuple[str, ...]
    """The attribute whose value the events share, or several. A dot leads into a map: `owner.id`. It is read from the
    item after the change; after REMOVE from the item before it.
    """
    window: timedelta
    """How long events are collected, from the first one on: seven days at most."""
    at_most: int = 100
    """This many events are sent without waiting for the end of the window; 2 to 500."""
    first_at_once: bool = False
    """Send the first event at once, and collect those that follow within the window after it."""

    def __post_init__(self) -> None:
        paths = (self.by,) if isinstance(self.by, str) else self.by
        if not isinstance(paths, Iterable) or isinstance(paths, Mapping | bytes):
            raise RoutesError(f"Digest(by={self.by!r}) is no attribute, nor a list of these")
        object.__setattr__(self, "by", tuple(paths))
        if not self.by or not all(isinstance(each, str) and all(each.split(".")) for each in self.by):
            raise RoutesError(f"Digest(by={self.by!r}) names no attribute: say by='owner', or by='owner.id'")
        window: object = self.window
        if not isinstance(window, timedelta) or not timedelta(seconds=1) <= window <= LONGEST_WINDOW:
            raise RoutesError(
                f"Digest(window={window!r}) is no timedelta between a second and {LONGEST_WINDOW.days} days"
            )
        if type(self.at_most) is not int or not FEWEST_EVENTS <= self.at_most <= MOST_EVENTS:
            raise RoutesError(f"Digest(at_most={self.at_most!r}) is not a number from 2 to {MOST_EVENTS}")
        if not isinstance(self.first_at_once, bool):
            raise RoutesError(f"Digest(first_at_once={self.first_at_once!r}) is neither True nor False")

    def __str__(self) -> str:
        """Return the options in words, as `by owner.id, 1 hour, at most 100`."""
        words = [f"by {' and '.join(self.by)}", duration_in_words(self.seconds), f"at most {self.at_most}"]
        return ", ".join([*words, "the first at once"] if self.first_at_once else words)

    @property
    def seconds(self) -> float:
        """The window in seconds."""
        return self.window.total_seconds()

    def key(self, route: str, event: Event, *, in_shadow: bool = False) -> UUID:
        """Return what all events share that become one message of that route: a hash, which shows no value.

        What is in shadow and what is sent share no message. Raise RoutesError if the event lacks an attribute, or if
        its value is a list, a set or a map.
        """
        item = event.new if event.new is not None else event.old if event.old is not None else event.keys
        texts = [route, *(_text(path, item) for path in self.by), *(["in shadow"] if in_shadow else [])]
        named = b"".join(b"%d:%s" % (len(each), each) for each in (text.encode() for text in texts))
        return UUID(bytes=hashlib.blake2b(named, digest_size=16).digest())


def _text(path: str, item: Mapping[str, Any]) -> str:
    """Return the value of an attribute as text that differs from that of any other value."""
    value: Any = item
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise RoutesError(f"Digest(by={path!r}): the event has no such attribute")
        value = value[name]
    if value is None or isinstance(value, str | bytes | bool):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, int | Decimal):
        return f"number {Decimal(value).normalize(_EXACT)}"
    raise RoutesError(f"Digest(by={path!r}): its value is a {type(value).__name__}, not text or a number")
