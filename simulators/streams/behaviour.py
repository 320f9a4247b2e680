"""The settings of the simulator: `POST /_sim/settings`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from simulators.shared.errors import invalid
from simulators.shared.fields import Json, Kind, take_only_members

_SMALLEST, _LARGEST = 21, 40


@dataclass(frozen=True, slots=True)
class VisibilityDelay:
    """For how long DescribeStream does not show a change: so many seconds, and at least so many calls."""

    seconds: float = 0.0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """By default AWS without load: no limits and no delays. Rates are calls per second; None is no limit."""

    seed: int = 0
    region: str = "eu-west-1"
    account_id: str = "000000000000"
    # The same sequence numbers in every shard, and the same shard ids in every stream.
    collide: bool = False
    # Small sequence numbers, padded with zeros.
    padded: bool = False
    # Digits of the first sequence number of a stream; later ones may have more.
    digits: int = _SMALLEST
    # Whether ListStreams shows streams that were disabled less than a day ago.
    list_disabled: bool = True
    # How many empty pages come before each page with records.
    empty_run: int = 0
    # After what delay DescribeStream shows a child, and for how long it shows the closed parent as open.
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
        """Return a copy with these settings changed; null removes a limit. Raise ApiError that names the mistake."""
        return replace(self, **take_only_members(body, KINDS))

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


KINDS: Mapping[str, Kind] = get_type_hints(Behaviour)
