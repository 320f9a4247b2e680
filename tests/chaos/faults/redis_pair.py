"""A Redis with a replica, and its failover behind the proxy that every process connects to."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import redis

from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.chaos.faults.proxy import Proxy
from tests.waiting import wait_until

_SYNC_SECONDS = 10.0
NOTHING = "nothing: "
"""What a fault that could not be injected did."""


class RedisPair:
    """`url` and `port` are the primary's. Replication is asynchronous: a failover may lose the last writes."""

    def __init__(self, primary: RedisServer, replica: RedisServer) -> None:
        self._primary = primary
        self._replica = replica
        self._follow()

    @property
    def url(self) -> str:
        return self._primary.url

    @property
    def port(self) -> int:
        return self._primary.port

    def restart(self, *, keep_data: bool = True) -> None:
        """Of the primary; the replica follows by itself."""
        self._primary.restart(keep_data=keep_data)

    def fail_over(self, proxy: Proxy, *, kill: bool) -> str:
        """Promote the replica, and let the proxy lead new connections to it. Return what was done.

        With `kill` the old primary dies without a word; else it becomes a replica and keeps its connections open.
        """
        if not self._is_in_sync():
            return f"{NOTHING}the replica is not in sync"
        if kill:
            self._primary.kill()
        _command(self._replica, "REPLICAOF", "NO", "ONE")
        proxy.target = self._replica.port
        self._primary, self._replica = self._replica, self._primary
        if kill:
            self._replica.start()
        self._follow()
        return f"to port {self.port}, the old primary was {'killed' if kill else 'demoted'}"

    def _follow(self) -> None:
        _command(self._replica, "REPLICAOF", "127.0.0.1", str(self._primary.port))

    def _is_in_sync(self) -> bool:
        def link_is_up() -> bool:
            with closing(redis.Redis.from_url(self._replica.url)) as client, suppress(redis.RedisError):
                return client.info("replication").get("master_link_status") == "up"
            return False

        with suppress(AssertionError, TimeoutError):
            wait_until(link_is_up, _SYNC_SECONDS)
        return link_is_up()


@contextmanager
def replicated_redis(folder: Path) -> Iterator[RedisPair]:
    """Two new servers; their logs lie in `folder`."""
    with embedded_redis(folder) as primary, embedded_redis(folder, password=primary.password) as replica:
        yield RedisPair(primary, replica)


def _command(server: RedisServer, *words: str) -> None:
    with closing(redis.Redis.from_url(server.url)) as client:
        client.execute_command(*words)
