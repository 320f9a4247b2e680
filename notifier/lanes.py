"""Lanes: which notifications of a channel go first, and the names of the queues that this makes.

A queue is named after its channel, `email`, or after channel and lane, `email:low`. The normal lane has the channel's
own name, so that a channel whose routes name no lane has the one queue that it always had.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_SEPARATOR = ":"


class Lane(StrEnum):
    """The lanes of a channel, the most urgent first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Share:
    """What a lane has of a worker and of its provider's rate.

    `weight`: its part, in tenths, while all lanes have more than they can send. `most`: the part of a worker that
    this lane and the lower ones may use together, so that a message of a higher lane finds a place.
    """

    weight: int
    most: float


SHARES = MappingProxyType({Lane.HIGH: Share(6, 1.0), Lane.NORMAL: Share(3, 0.75), Lane.LOW: Share(1, 0.5)})


def queue_of(channel: str, lane: Lane) -> str:
    """Return the queue of a channel's lane: `email`, or `email:low`."""
    return channel if lane is Lane.NORMAL else f"{channel}{_SEPARATOR}{lane}"


def parts_of(queue: str) -> tuple[str, Lane]:
    """Return the channel and the lane of a queue."""
    channel, _, lane = queue.rpartition(_SEPARATOR)
    if channel and lane in (Lane.HIGH, Lane.LOW):
        return channel, Lane(lane)
    return queue, Lane.NORMAL


def queues_of(channel: str) -> tuple[str, ...]:
    """Return the queues of a channel, the most urgent first."""
    return tuple(queue_of(channel, lane) for lane in Lane)


def channels_in(queues: Iterable[str]) -> frozenset[str]:
    """Return the channels of these queues."""
    return frozenset(parts_of(queue)[0] for queue in queues)
