"""What is wrong with a Redis is found and named, each on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from notifier.broker import Broker
from notifier.doctor.finding import Level
from notifier.doctor.redis.memory import needed
from sandbox.embedded.allocation import free_port
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.notifier.doctor.conftest import Diagnose
from tests.refusals.kinds import KINDS, admin

REDIS = ("redis", "redis-rights", "memory")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("doctor"), durable=False) as server:
        yield server


@pytest.fixture
def outside(server: RedisServer) -> Iterator[redis.Redis]:
    with admin(server.url) as client:
        yield client
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")


def test_a_good_redis(diagnose: Diagnose, server: RedisServer) -> None:
    found = diagnose(*REDIS, broker_url=server.url)
    assert len(found.at(Level.GOOD)) == len(found) == 6


def test_no_redis(diagnose: Diagnose) -> None:
    found = diagnose(*REDIS, broker_url=f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert "secret" not in found.the(Level.WRONG, "no broker at", "Is NOTIFIER_BROKER_URL right")
    assert found.at(Level.UNKNOWN) == ["the rest was not checked: it needs a Redis that answers"]


def test_a_wrong_password(diagnose: Diagnose, server: RedisServer) -> None:
    found = diagnose("redis", broker_url=f"redis://:wrong-one@127.0.0.1:{server.port}/0")
    assert "wrong-one" not in found.the(Level.WRONG, "refuses the user or the password")


def test_a_redis_that_evicts(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.config_set("maxmemory-policy", "allkeys-lru")
    diagnose("memory", broker_url=server.url).the(
        Level.DOUBTFUL, "once maxmemory is set", "maxmemory-policy noeviction"
    )
    outside.config_set("maxmemory", "500mb")
    diagnose("memory", broker_url=server.url).the(Level.WRONG, "maxmemory-policy is allkeys-lru", "deletes queues")


def test_too_little_memory_for_full_queues(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.config_set("maxmemory", "20000000")
    found = diagnose("memory", broker_url=server.url)
    found.the(Level.WRONG, "maxmemory is 20 MB, and full queues take", "NOTIFIER_QUEUE_HIGH_WATER")
    assert diagnose("memory", broker_url=server.url, queue_high_water="1000").at(Level.WRONG) == []


def test_memory_that_is_nearly_used(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.config_set("maxmemory", str(int(outside.info("memory")["used_memory"] * 1.1)))
    diagnose("memory", broker_url=server.url).the(Level.DOUBTFUL, "are used", "raise maxmemory")


def test_what_full_queues_take_is_what_they_take(server: RedisServer, outside: redis.Redis) -> None:
    """Not more than half as much again: the rest is for the messages that workers hold."""
    from uuid import uuid4

    before = int(outside.info("memory")["used_memory"])
    broker = Broker(server.url)
    broker.publish("email", {uuid4(): 0 for _ in range(5_000)})
    took = int(outside.info("memory")["used_memory"]) - before
    broker.close()
    outside.flushall()
    assert took < needed(5_000, 1) < 2 * took


def test_a_lane_that_no_worker_serves(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    """Tests run with the routes of the example, whose channel is email."""
    from uuid import uuid4

    broker = Broker(server.url)
    broker.publish("email:low", {uuid4(): 0 for _ in range(3)})
    found = diagnose("lanes", broker_url=server.url)
    found.the(Level.DOUBTFUL, "3 messages wait in the lane low of email", "notifier worker email")
    taken = outside.rpop("notifier.email:low")
    assert isinstance(taken, bytes)
    outside.hset("unacked", "tag", b'[%s, "", "notifier.email:low"]' % taken)  # as a worker keeps it
    assert diagnose("lanes", broker_url=server.url).at(Level.DOUBTFUL) == []
    broker.close()
    outside.flushall()


def test_lanes_are_not_known_without_routes(diagnose: Diagnose, server: RedisServer) -> None:
    found = diagnose("lanes", broker_url=server.url, routes="no_such_module")
    assert found.at(Level.UNKNOWN) == ["the rest was not checked: it needs routes that can be loaded"]
    assert len(found) == 1


def test_a_user_without_rights(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.execute_command(
        "ACL", "SETUSER", "reader", "on", ">pw", "~*", "&*", "+@read", "+info", "+multi", "+discard"
    )
    found = diagnose(*REDIS, broker_url=f"redis://reader:pw@127.0.0.1:{server.port}/0")
    found.the(Level.WRONG, "may not run", "LPUSH", "ACL SETUSER")


def test_a_user_of_a_bridge(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.execute_command("ACL", "SETUSER", "bridge", "on", ">pw", "~*", "resetchannels", "+@all")
    found = diagnose("redis-rights", broker_url=f"redis://bridge:pw@127.0.0.1:{server.port}/0")
    found.the(Level.DOUBTFUL, "enough for a bridge", "PUBLISH")


def test_a_user_who_may_not_look(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    outside.execute_command("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info", "-config")
    found = diagnose(*REDIS, broker_url=f"redis://blind:pw@127.0.0.1:{server.port}/0")
    found.the(Level.DOUBTFUL, "cannot be checked", "INFO")
    assert found.at(Level.WRONG) == []


def test_a_replica(diagnose: Diagnose, server: RedisServer, outside: redis.Redis) -> None:
    KINDS["read-only"].begin(outside)
    try:
        found = diagnose("redis", broker_url=server.url)
    finally:
        KINDS["read-only"].end(outside)
    found.the(Level.WRONG, "is a replica", "Sentinels")


def test_a_redis_that_cannot_save(diagnose: Diagnose, tmp_path: Path) -> None:
    with embedded_redis(tmp_path, durable=False) as server, admin(server.url) as client:
        KINDS["misconfigured"].begin(client)
        diagnose("redis", broker_url=server.url).the(Level.WRONG, "cannot save its data", "disk is full")
