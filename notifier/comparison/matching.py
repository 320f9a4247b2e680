"""Pairs of what was shadowed and what was sent, and the messages that only one side has. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["shadowed", "sent"]

PASSES: tuple[tuple[str, ...], ...] = (("key", "recipient", "subject"), ("key", "recipient"), ("key",))
"""By which fields messages are paired: first by all, what is left by fewer."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A message of one side. `place` is the id of the notification, or the number of the line.

    An empty `subject` is not known, and differs from none.
    """

    key: str
    recipient: str
    subject: str
    at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class Pair:
    """What both sides have for one key, with the fields in which they differ."""

    shadowed: Compared
    sent: Compared

    @property
    def differing(self) -> tuple[str, ...]:
        both = ((name, getattr(self.shadowed, name), getattr(self.sent, name)) for name in ("recipient", "subject"))
        return tuple(name for name, ours, theirs in both if ours and theirs and ours != theirs)


def paired(
    fields: tuple[str, ...],
    shadowed: Iterator[Compared],
    sent: Iterator[Compared],
    left: Callable[[Side, Compared], None],
) -> Iterator[Pair]:
    """Yield the pairs of messages that are equal in these fields; call `left` for what has no other half.

    Both sides are sorted by the fields. Of several equal ones the first is paired with the first. Holds one message
    of each side.
    """
    ours, theirs = next(shadowed, None), next(sent, None)
    while ours or theirs:
        if theirs is None or (ours and _of(fields, ours) < _of(fields, theirs)):
            assert ours  # noqa: S101  narrows the type
            left("shadowed", ours)
            ours = next(shadowed, None)
        elif ours is None or _of(fields, theirs) < _of(fields, ours):
            left("sent", theirs)
            theirs = next(sent, None)
        else:
            yield Pair(ours, theirs)
            ours, theirs = next(shadowed, None), next(sent, None)


def _of(fields: tuple[str, ...], message: Compared) -> tuple[bytes, ...]:
    """In the order of the store: by bytes."""
    return tuple(getattr(message, name).encode() for name in fields)
