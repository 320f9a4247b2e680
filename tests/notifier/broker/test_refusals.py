"""Commands that Redis refuses to a bridge."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
import redis

from notifier.broker import Broker, BrokerError, BrokerRefused
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.celery_units.redis.proxy import proxied
from tests.refusals.kinds import KINDS, admin


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("refusing"), durable=False) as server:
        yield server


@pytest.fixture
def outside(server: RedisServer) -> Iterator[redis.Redis]:
    with admin(server.url) as client:
        yield client


def test_a_queue_leaves_a_demoted_primary(server: RedisServer, outside: redis.Redis, tmp_path: Path) -> None:
    """The old primary keeps its connections open; the address leads to the new one."""
    ids = {UUID(int=1): 0}
    with (
        embedded_redis(tmp_path, durable=False, password=server.password) as successor,
        proxied(server.url) as proxy,
        closing(Broker(proxy.url)) as broker,
    ):
        assert broker.depth("email") == 0
        proxy.lead_to(successor.port)
        KINDS["read-only"].begin(outside)
        with pytest.raises(BrokerError, match="it is a replica"):
            broker.publish("email", ids)
        broker.publish("email", ids)
        assert broker.held("email") == {*ids}


def test_a_queue_that_only_reads_leaves_a_demoted_primary(
    server: RedisServer, outside: redis.Redis, tmp_path: Path
) -> None:
    """Otherwise the relay would compare with what the old primary held, for as long as it has nothing to publish."""
    ids = {UUID(int=1): 0}
    with (
        embedded_redis(tmp_path, durable=False, password=server.password) as successor,
        proxied(server.url) as proxy,
        closing(Broker(proxy.url)) as broker,
        closing(Broker(successor.url)) as other,
    ):
        broker.generation()
        proxy.lead_to(successor.port)
        KINDS["read-only"].begin(outside)
        other.publish("email", ids)
        with pytest.raises(BrokerRefused, match="it is a replica"):
            broker.generation()
        assert broker.generation() == other.generation()
        assert broker.held("email") == {*ids}


def test_a_promoted_replica_is_another_generation(server: RedisServer, outside: redis.Redis) -> None:
    """Its memory is the same but for the last writes: only its replication id tells."""
    with closing(Broker(server.url)) as broker:
        before = broker.generation()
        assert broker.generation() == before
        KINDS["full"].begin(outside)
        assert broker.generation() == before
        KINDS["full"].end(outside)
        KINDS["read-only"].begin(outside)
        KINDS["read-only"].end(outside)
        assert broker.generation() != before


def test_a_process_starts_where_redis_refuses(server: RedisServer, outside: redis.Redis) -> None:
    KINDS["primary down"].begin(outside)
    with closing(Broker(server.url)) as broker:
        broker.check()
    KINDS["primary down"].end(outside)
