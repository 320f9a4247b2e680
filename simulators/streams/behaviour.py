"""What the simulator is told to be like."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from simulators.streams.errors import invalid
from simulators.streams.fields import Json, Kind, only

_SMALLEST, _LARGEST = 21, 40


@dataclass(frozen=True, slots=True)
class VisibilityDelay:
    """How long something is not yet seen: so many seconds, and so many calls of DescribeStream."""

    seconds: float = 0.0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """AWS as it is on a quiet day, unless told otherwise. Rates are calls per second; None is no limit."""

    seed: int = 0
    region: str = "eu-west-1"
    account_id: str = "000000000000"
    # The same sequence numbers in every shard, and the same shard ids in every stream.
    collide: bool = False
    # Small sequence numbers, filled up with zeros.
    padded: bool = False
    # Of the first sequence number of a stream; later ones may have more.
    digits: int = _SMALLEST
    # ListStreams shows streams that were switched off less than a day ago.
    list_disabled: bool = True
    # Empty pages before each page with records.
    empty_run: int = 0
    # When a child is in DescribeStream, and until when its parent is shown open.
    children_after_seconds: float = 0.0
    children_after_calls: int = 0
    parent_open_seconds: float = 0.0
    parent_open_calls: int = 0
    readers_per_shard: int | None = None
    calls_per_shard: float | None = None
    describe_rate: float | None = None
    list_rate: float | None = None

    def __post_init__(self) -> None:
        if not _SMALLEST <= self.digits <= _LARGEST:
            raise invalid(f"'digits' must be {_SMALLEST} to {_LARGEST}, not {self.digits}")

    @property
    def children_after(self) -> VisibilityDelay:
        return VisibilityDelay(self.children_after_seconds, self.children_after_calls)

    @property
    def parent_open(self) -> VisibilityDelay:
        return VisibilityDelay(self.parent_open_seconds, self.parent_open_calls)

    def changed(self, body: Json) -> "Behaviour":
        """With the named settings changed; null lifts a limit. Raises ApiError naming what is wrong."""
        return replace(self, **only(body, KINDS))

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


KINDS: Mapping[str, Kind] = get_type_hints(Behaviour)
