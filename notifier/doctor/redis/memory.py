"""Whether Redis has memory for the messages that may wait, and never deletes one to make room."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from notifier.broker.envelope import Envelopes
from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.doctor.redis import PAGE, need_info
from notifier.doctor.routing import need_queues
from notifier.doctor.setup import Setup

_OVERHEAD = 1.5
"""Bytes of Redis for each byte of a message, while workers hold some."""
_FULL = 0.8
_MB = 1e6


def check_memory(setup: Setup) -> Iterator[Finding]:
    """Find whether Redis evicts keys, and whether it has room for full queues."""
    found = need_info(setup)
    if "maxmemory" not in found:
        yield not_known("how much memory Redis has: this server does not say")
        return
    yield eviction(found)
    yield memory(found, needed(setup.settings.queue_high_water, len(need_queues(setup)) or 1))


def eviction(found: Mapping[str, Any]) -> Finding:
    """Return whether Redis may delete messages when its memory is full."""
    policy = found.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return good("it evicts nothing: maxmemory-policy is noeviction")
    what = f"maxmemory-policy is {policy}"
    remedy = "set maxmemory-policy noeviction in its configuration, or in its parameter group"
    if not found["maxmemory"]:
        return doubtful(f"{what}: once maxmemory is set, Redis deletes queues to make room", remedy, PAGE)
    return wrong(f"{what}: Redis deletes queues when its memory is full", remedy, PAGE)


def memory(found: Mapping[str, Any], need: int) -> Finding:
    """Return whether `need` bytes fit into the memory that Redis may use."""
    used, most = int(found.get("used_memory", 0)), int(found["maxmemory"])
    full = f"full queues take {need / _MB:,.0f} MB"
    if not most:
        return good(f"its memory has no limit of its own; {full}")
    remedy = f"raise maxmemory to {(used + need) / _MB:,.0f} MB, or lower NOTIFIER_QUEUE_HIGH_WATER"
    limit = f"maxmemory is {most / _MB:,.0f} MB"
    if used > _FULL * most:
        return doubtful(f"{limit}, of which {used / most:.0%} are used; {full}", remedy, PAGE)
    if need > most:
        return wrong(
            f"{limit}, and {full}: Redis would refuse messages before they are counted as many", remedy, PAGE
        )
    if used + need > most:
        return doubtful(f"{limit}, of which {used / _MB:,.0f} MB are used; {full}", remedy, PAGE)
    return good(f"{limit}, and {full}")


def needed(high_water: int, queues: int) -> int:
    """Return the bytes that full queues take: so many, each with as many messages as may be published."""
    message = Envelopes("notifier.channel", "host:1:0").message(UUID(int=0))
    return round(queues * high_water * len(message) * _OVERHEAD)
