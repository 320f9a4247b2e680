"""The place in a trace that an item names: a W3C traceparent. Pure."""

import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


class Origin(NamedTuple):
    """The span of the product that wrote the item: the parent of our spans."""

    trace_id: int
    span_id: int
    flags: int

    @classmethod
    def of(cls, text: object) -> "Origin | None":
        """Return what a traceparent says (https://www.w3.org/TR/trace-context/). None for anything that is none.

        A version that is newer than 00 may have more fields, which are left out; ff is no version.
        """
        found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
        if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
            return None
        trace_id, span_id = int(found[2], 16), int(found[3], 16)
        return cls(trace_id, span_id, int(found[4], 16)) if trace_id and span_id else None

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span_id:016x}-{self.flags & _SAMPLED:02x}"

    @property
    def trace(self) -> str:
        """The id of the trace in hexadecimal digits, as log lines and backends show it."""
        return f"{self.trace_id:032x}"

    @property
    def sampled(self) -> bool:
        """Whether the product records this trace."""
        return bool(self.flags & _SAMPLED)
