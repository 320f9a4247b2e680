"""The rate of a channel, as workers share it in Redis."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from notifier.broker.client import redis_client
from notifier.broker.url import BrokerUrl
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.celery_units.redis.proxy import proxied
from tests.refusals.kinds import KINDS, admin
from workers.sending.rate import AllowedRate


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("demoted"), durable=False) as server:
        yield server


def test_it_is_shared_by_the_new_primary_after_a_failover(server: RedisServer, tmp_path: Path) -> None:
    """The old one keeps its connections open, and takes no answer of the provider any more."""
    with (
        embedded_redis(tmp_path, durable=False, password=server.password) as successor,
        proxied(server.url) as proxy,
        closing(redis_client(BrokerUrl.of(proxy.url), timeout=2, decode_responses=True)) as client,
        redis.Redis.from_url(successor.url) as other,
    ):

        def asked() -> AllowedRate:
            return AllowedRate(client, "rate", "worker", lambda: None, fixed=None, headroom=0.1)

        client.ping()
        proxy.lead_to(successor.port)
        with admin(server.url) as outside:
            KINDS["read-only"].begin(outside)
            assert asked().limit() is None
        assert asked().limit() is None
        assert other.get("rate:limit") == b"0"
