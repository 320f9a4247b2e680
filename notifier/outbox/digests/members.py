"""The events of a digest other than its leader."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Member:
    """A notification whose event is in the message of its leader. `record` is empty until it is loaded; `size` is its
    bytes in any case.
    """

    id: UUID
    size: int
    record: bytes = b""


@dataclass(frozen=True, slots=True)
class Members:
    """Those of one leader, in the order of their time. `gone` is how many more were in its message before: retention
    has deleted them since.
    """

    there: tuple[Member, ...]
    gone: int = 0
