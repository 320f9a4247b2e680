"""Clients of Redis: the bridge's queue and the workers' rates make theirs here, from the URL that Celery gets too."""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from notifier.broker.url import BrokerUrl


def redis_client(url: BrokerUrl, timeout: float, **options: Any) -> Any:
    """A client that gives up after `timeout` seconds, or those of the URL, and does not try again by itself.

    It connects when it is first used. Behind Sentinels each new connection asks them where the primary is.
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
    return _GuidedRedis(url, {**login, **given}, tls)


def sentinel_options(url: BrokerUrl, timeout: float) -> dict[str, Any]:
    """How the Sentinels themselves are asked."""
    tls: dict[str, Any] = {} if url.tls is None else {"ssl": True, **url.tls}
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, **url.sentinel, **tls}


class _GuidedRedis(Redis):
    """A client of the primary that Sentinels name; closes its connections to them too."""

    def __init__(self, url: BrokerUrl, options: dict[str, Any], tls: dict[str, Any]) -> None:
        asked = {**sentinel_options(url, options["socket_timeout"]), "retry": options["retry"]}
        self._sentinel: Any = Sentinel(url.hosts, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        pool: Any = SentinelConnectionPool(url.master, self._sentinel, **options, **tls)  # type: ignore[no-untyped-call]
        super().__init__(connection_pool=pool)

    def close(self) -> None:
        super().close()
        self.connection_pool.disconnect()
        self._sentinel.close()
