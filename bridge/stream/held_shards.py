"""The shards that this bridge holds, and their leases. Shared by its threads."""

import threading

import structlog

from bridge.stream.leases import Leases
from bridge.stream.reader import ShardReader
from notifier.database.errors import DatabaseError
from notifier.outbox import ShardLease
from notifier.process.clock import boottime

log = structlog.get_logger(__name__)

_MARGIN = 3.0


class HeldShards:
    """The reader of each shard that is held, at most `most`. A shard that is taken again gets another reader, under a
    lease of another epoch.
    """

    def __init__(self, leases: Leases, most: int) -> None:
        self._leases = leases
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[int, ShardReader] = {}
        self._renewed_at = boottime()
        self._said_full = False
        self.renew_seconds = leases.ttl / 4

    def take(self) -> list[ShardLease]:
        """Take free shards, or some of a bridge that has more than its share; return the new leases.

        They count as held once `add` was given their readers.
        """
        asked_at = boottime()
        with self._lock:
            held = list(self._held)
        room = self._most - len(held)
        if room <= 0:
            self._say_full()
        taken = self._leases.acquire(room, held) if room > 0 else []
        if not taken and room > 0:
            taken = self._leases.steal(room)
        with self._lock:
            if not self._held:
                self._renewed_at = asked_at
        return taken

    def _say_full(self) -> None:
        """Log it once: shards that wait here are seen in the lag only, which does not say why."""
        if not self._said_full:
            self._said_full = True
            log.warning(
                "this bridge holds as many shards as it can. Further ones wait until another bridge takes them: "
                "start another bridge",
                most=self._most,
            )

    def add(self, reader: ShardReader) -> None:
        with self._lock:
            self._held[reader.lease.shard] = reader

    def renew(self) -> None:
        """Prolong all leases, store how far their shards are read, and forget those that are lost."""
        with self._lock:
            held = dict(self._held)
        now = boottime()
        caught_up = {n: now - each.caught_up_at for n, each in held.items() if each.caught_up_at is not None}
        still = self._leases.renew([each.lease for each in held.values()], caught_up)
        with self._lock:
            self._renewed_at = now
        for shard, reader in held.items():
            if shard not in still and self.forget(reader):
                log.info("another bridge has taken the shard", shard=reader.lease.shard_id)

    def has(self, reader: ShardReader) -> bool:
        return self._held.get(reader.lease.shard) is reader

    def overdue(self) -> bool:
        """Return whether the leases were not renewed in time: another bridge may take the shards at any moment."""
        return boottime() > self._renewed_at + self._leases.ttl - margin(self._leases.ttl)

    def forget(self, reader: ShardReader) -> bool:
        """Hold the shard no more: it is done, or another bridge has it. Return whether it was still held."""
        with self._lock:
            ours = self._held.get(reader.lease.shard) is reader
            if ours:
                del self._held[reader.lease.shard]
        return ours

    def drop(self, reader: ShardReader) -> None:
        """Give the shard back at once. Changes nothing if another bridge has it."""
        self.forget(reader)
        try:
            self._leases.release([reader.lease])
        except DatabaseError:
            log.warning("could not give the shard back; its lease will end", shard=reader.lease.shard_id)

    def release_all(self) -> int:
        """Give all shards back; return how many these are."""
        with self._lock:
            held = [each.lease for each in self._held.values()]
            self._held.clear()
        try:
            self._leases.release(held)
        except DatabaseError:
            log.warning("could not give the shards back; their leases will end", shards=len(held))
        return len(held)


def margin(ttl: float) -> float:
    """Return the seconds before the end of a lease in which no read begins: it must end before the lease does."""
    return min(_MARGIN, ttl / 4)
