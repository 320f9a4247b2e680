"""Clients of Redis. All clients of Notifier are made here, from the URL that Celery gets too."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from notifier.broker.url import BrokerUrl


def redis_client(url: BrokerUrl, timeout: float, **options: Any) -> Any:
    """Return a client of redis-py. It connects when it is first used, and makes no retries.

    Behind Sentinels each new connection asks them for the primary.

    Args:
        url: As NOTIFIER_BROKER_URL has it, parsed.
        timeout: Seconds for a command and for connecting, unless the URL has its own.
        options: Further arguments of `redis.Redis`.

    Example:
        client = redis_client(BrokerUrl.of("redis://localhost/0"), timeout=3)
    """
    given: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        **url.options,
        **options,
        "retry": Retry(NoBackoff(), 0),
    }
    tls: dict[str, Any] = {} if url.tls is None else {"ssl": True, **url.tls}
    login: dict[str, Any] = {"username": url.username, "password": url.password, "db": url.database}
    if url.socket:
        return Redis(unix_socket_path=url.socket, **login, **given)
    if not url.master:
        ((host, port),) = url.hosts
        return Redis(host=host, port=port, **login, **tls, **given)
    return _SentinelRedis(url, {**login, **given}, tls)


def leave_replica(client: Any, error: Exception) -> None:
    """Have the client make new connections if the error is an answer of Redis: it may be that of a demoted primary,
    which keeps its connections open, while its address leads to the new one.
    """
    if isinstance(error, ResponseError | BusyLoadingError):
        client.connection_pool.disconnect(inuse_connections=False)


def sentinel_options(url: BrokerUrl, timeout: float) -> dict[str, Any]:
    """Return the options of the connections to the Sentinels themselves; `timeout` in seconds."""
    tls: dict[str, Any] = {} if url.tls is None else {"ssl": True, **url.tls}
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, **url.sentinel, **tls}


class _SentinelRedis(Redis):
    """A client of the primary that Sentinels name. `close` also closes the connections to the Sentinels."""

    def __init__(self, url: BrokerUrl, options: dict[str, Any], tls: dict[str, Any]) -> None:
        sentinel_kwargs = {**sentinel_options(url, options["socket_timeout"]), "retry": options["retry"]}
        self._sentinel: Any = Sentinel(url.hosts, sentinel_kwargs=sentinel_kwargs)  # type: ignore[no-untyped-call]
        pool: Any = SentinelConnectionPool(url.master, self._sentinel, **options, **tls)  # type: ignore[no-untyped-call]
        super().__init__(connection_pool=pool)

    def close(self) -> None:
        super().close()
        self.connection_pool.disconnect()
        self._sentinel.close()
