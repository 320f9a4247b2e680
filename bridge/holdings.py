"""The shards that this bridge holds right now, shared by its threads."""

import threading
import time

import structlog

from bridge.leases import Leases
from notifier.database import DatabaseError
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)

_MARGIN = 3.0  # seconds before the end of a lease in which nothing is read under it


class Holdings:
    """Leases in hand. A shard that is taken again is another lease, with another epoch."""

    def __init__(self, leases: Leases, most: int) -> None:
        self._leases = leases
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[int, ShardLease] = {}
        self._renewed_at = time.monotonic()

    def acquire(self) -> list[ShardLease]:
        """Take free shards; answers the new leases."""
        with self._lock:
            if not self._held:
                self._renewed_at = time.monotonic()
            room = self._most - len(self._held)
            taken = self._leases.acquire(room) if room > 0 else []
            self._held.update((lease.shard, lease) for lease in taken)
        return taken

    def renew(self) -> None:
        """Prolong all leases; forget those that are lost."""
        with self._lock:
            held = dict(self._held)
        asked_at = time.monotonic()
        still = self._leases.renew(list(held.values()))
        with self._lock:
            self._renewed_at = asked_at
        for shard, lease in held.items():
            if shard not in still and self.forget(lease):
                log.warning("lost a shard", shard=lease.shard_id)

    def has(self, lease: ShardLease) -> bool:
        return self._held.get(lease.shard) is lease

    def overdue(self) -> bool:
        """Whether the leases were not renewed in time: what is read now might not be ours to record."""
        return time.monotonic() > self._renewed_at + self._leases.ttl - _MARGIN

    def forget(self, lease: ShardLease) -> bool:
        """It is done with, or somebody else's; answers whether it was still held."""
        with self._lock:
            ours = self._held.get(lease.shard) is lease
            if ours:
                del self._held[lease.shard]
        return ours

    def drop(self, lease: ShardLease) -> None:
        """Give the shard back at once. Changes nothing where it is somebody else's."""
        self.forget(lease)
        try:
            self._leases.release([lease])
        except DatabaseError:
            log.warning("could not give the shard back; its lease will end", shard=lease.shard_id)

    def release_all(self) -> int:
        with self._lock:
            held = list(self._held.values())
            self._held.clear()
        self._leases.release(held)
        return len(held)
