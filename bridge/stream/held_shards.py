"""The shards that this bridge holds right now, shared by its threads."""

import threading

import structlog

from bridge.stream.leases import Leases
from bridge.stream.reader import ShardReader
from notifier.database.errors import DatabaseError
from notifier.outbox import ShardLease
from notifier.process.clock import boottime

log = structlog.get_logger(__name__)

_MARGIN = 3.0


class Holdings:
    """The reader of each shard in hand. A shard that is taken again has another reader, in another epoch."""

    def __init__(self, leases: Leases, most: int) -> None:
        self._leases = leases
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[int, ShardReader] = {}
        self._renewed_at = boottime()
        self.renew_seconds = leases.ttl / 4

    def take(self) -> list[ShardLease]:
        """Take free shards, or some of a bridge that has too many; answers the new leases.

        They count as held once `add` gave them a reader.
        """
        asked_at = boottime()
        with self._lock:
            held = list(self._held)
        room = self._most - len(held)
        taken = self._leases.acquire(room, held) if room > 0 else []
        if not taken and room > 0:
            taken = self._leases.steal(room)
        with self._lock:
            if not self._held:
                self._renewed_at = asked_at
        return taken

    def add(self, reader: ShardReader) -> None:
        with self._lock:
            self._held[reader.lease.shard] = reader

    def renew(self) -> None:
        """Prolong all leases, say how far their shards are read, and forget those that are lost."""
        with self._lock:
            held = dict(self._held)
        now = boottime()
        caught_up = {n: now - each.caught_up_at for n, each in held.items() if each.caught_up_at is not None}
        still = self._leases.renew([each.lease for each in held.values()], caught_up)
        with self._lock:
            self._renewed_at = now
        for shard, reader in held.items():
            if shard not in still and self.forget(reader):
                log.info("shard is another bridge's now", shard=reader.lease.shard_id)

    def has(self, reader: ShardReader) -> bool:
        return self._held.get(reader.lease.shard) is reader

    def overdue(self) -> bool:
        """Whether the leases were not renewed in time: what is read now might not be ours to record."""
        return boottime() > self._renewed_at + self._leases.ttl - margin(self._leases.ttl)

    def forget(self, reader: ShardReader) -> bool:
        """It is done with, or somebody else's; answers whether it was still held."""
        with self._lock:
            ours = self._held.get(reader.lease.shard) is reader
            if ours:
                del self._held[reader.lease.shard]
        return ours

    def drop(self, reader: ShardReader) -> None:
        """Give the shard back at once. Changes nothing where it is somebody else's."""
        self.forget(reader)
        try:
            self._leases.release([reader.lease])
        except DatabaseError:
            log.warning("could not give the shard back; its lease will end", shard=reader.lease.shard_id)

    def release_all(self) -> int:
        with self._lock:
            held = [each.lease for each in self._held.values()]
            self._held.clear()
        try:
            self._leases.release(held)
        except DatabaseError:
            log.warning("could not give the shards back; their leases will end", shards=len(held))
        return len(held)


def margin(ttl: float) -> float:
    """The seconds before the end of a lease in which nothing is read under it: a call may still be under way."""
    return min(_MARGIN, ttl / 4)
