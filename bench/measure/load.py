"""The load: records in shards of the simulator, and the proof that each became exactly one mail."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.measure.servers import Servers
from notifier.errors import NotifierError
from sandbox.system import TABLE

SHARDS = 10
"""What 10,000 writes a second of 1 KB need in AWS."""
ITEM_BYTES = 1024
_FOUND_WITHIN = 2.0  # seconds in which a reader finds new shards
_PREPARED_A_SECOND = 50_000


class NotExact(NotifierError):
    """Not every event became exactly one mail: the figures of this run count for nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """`start` is when the first record can be read, in Unix seconds."""

    events: int
    start: float


def offer(parts: Servers, events: int, rate: float | None = None) -> Load:
    """Open shards whose records come soon: `rate` a second over all shards, or all of them at once.

    Answers when the pages are made. Shards close with their last record, so that nobody goes on polling them.
    """
    each = max(1, events // SHARDS)
    after = _FOUND_WITHIN + events / _PREPARED_A_SECOND
    spec = {"table": TABLE, "shards": SHARDS, "records_per_shard": each, "item_bytes": ITEM_BYTES, "closed": True}
    told = parts.streams.post("load", **spec, rate=rate, after=after, ahead=True)
    if time.time() > told["start"]:
        raise NotifierError(f"making {events} records took longer than the {after:g} seconds that there were")
    return Load(told["records"], told["start"])


def written_at(parts: Servers) -> Mapping[str, float]:
    """When each event could be read, by its number, as the simulator has it."""
    return {
        each["key"]["pk"]["S"].rpartition("#")[2]: each["created"] for each in parts.streams.get("truth")["records"]
    }


def accepted_at(parts: Servers) -> Mapping[str, float]:
    """When the first mail of each event was accepted, by the number in its address."""
    return {to.partition("@")[0].rpartition(".")[2]: at for to, at in parts.ses.accepted_at().items()}


def check_exact(parts: Servers) -> None:
    """Raises NotExact where an event has no mail or two, or a mail no event."""
    written, accepted = written_at(parts).keys(), accepted_at(parts).keys()
    faults = {
        "lost": len(written - accepted),
        "duplicated": parts.ses.counts()["duplicated"],
        "unexpected": len(accepted - written),
    }
    if not written or any(faults.values()):
        found = ", ".join(f"{count} {name}" for name, count in faults.items())
        raise NotExact(f"of {len(written)} events: {found}")
