"""The load: records in shards of the simulator, and the check that each became exactly one mail."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.measure.servers import Servers
from notifier.errors import NotifierError
from sandbox.system import TABLE

SHARDS = 10
"""So many shards AWS needs for 10,000 writes a second of 1 KB."""
ITEM_BYTES = 1024
_FOUND_WITHIN = 2.0  # seconds in which a reader finds new shards
_PREPARED_A_SECOND = 50_000


class NotExact(NotifierError):
    """Not every event became exactly one mail, so the figures of this run are invalid."""


@dataclass(frozen=True, slots=True)
class Load:
    """`start` is when the first record can be read, in Unix seconds."""

    events: int
    start: float


def start_load(servers: Servers, events: int, rate: float | None = None) -> Load:
    """Open shards whose records appear soon: `rate` a second over all shards, or all of them at once.

    Returns when the pages are made. Shards close with their last record, so that they are not polled afterwards.
    """
    each = max(1, events // SHARDS)
    after = _FOUND_WITHIN + events / _PREPARED_A_SECOND
    spec = {"table": TABLE, "shards": SHARDS, "records_per_shard": each, "item_bytes": ITEM_BYTES, "closed": True}
    loaded = servers.streams.post("load", **spec, rate=rate, after=after, ahead=True)
    if time.time() > loaded["start"]:
        raise NotifierError(f"making {events} records took longer than {after:g} seconds")
    return Load(loaded["records"], loaded["start"])


def written_at(servers: Servers) -> Mapping[str, float]:
    """When each event could be read, by its number, from the simulator. In Unix seconds."""
    return {
        each["key"]["pk"]["S"].rpartition("#")[2]: each["created"] for each in servers.streams.get("truth")["records"]
    }


def accepted_at(servers: Servers) -> Mapping[str, float]:
    """When the first mail of each event was accepted, by the number in its address. In Unix seconds."""
    return {to.partition("@")[0].rpartition(".")[2]: at for to, at in servers.ses.accepted_at().items()}


def check_exact(servers: Servers) -> None:
    """Raises NotExact if an event has no mail or several, or a mail no event."""
    written, accepted = written_at(servers).keys(), accepted_at(servers).keys()
    faults = {
        "lost": len(written - accepted),
        "duplicated": servers.ses.counts()["duplicated"],
        "unexpected": len(accepted - written),
    }
    if not written or any(faults.values()):
        found = ", ".join(f"{count} {name}" for name, count in faults.items())
        raise NotExact(f"of {len(written)} events: {found}")
