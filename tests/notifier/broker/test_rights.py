"""A cluster, and a user without a needed right, are refused at the start, with one line that says why."""

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis

import celery_units.redis
import notifier.broker
import workers.sending
from notifier.broker import WORKING, Broker, BrokerError
from notifier.broker.rights import PUBLISHING, BrokerUnfit
from sandbox.embedded.allocation import free_port, is_free
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis, redis_program
from tests.refusals.kinds import KINDS, admin

ALL = ("on", ">pw", "~*", "&*", "+@all")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("rights"), durable=False) as server:
        yield server


def as_user(server: RedisServer, *rules: str) -> str:
    with admin(server.url) as client:
        client.execute_command("ACL", "SETUSER", "limited", "reset", *rules)
        client.flushall()
    return f"redis://limited:pw@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("rights", [PUBLISHING, WORKING], ids=["bridge", "worker"])
@pytest.mark.parametrize("rules", [ALL, (*ALL, "-info"), (*ALL, "-@dangerous")])
def test_a_user_with_enough_rights(server: RedisServer, rules: tuple[str, ...], rights: dict[str, str]) -> None:
    with closing(Broker(as_user(server, *rules))) as broker, admin(server.url) as client:
        broker.check(rights)
        assert client.keys() == [], "nothing was written"


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ((*ALL, "-eval"), "EVAL"),
        ((*ALL, "-lpush"), "LPUSH"),
        ((*ALL, "-@write"), "LPUSH, SET"),
        ((*ALL, "-@scripting"), "EVALSHA"),
        ((*ALL, "-multi"), "MULTI"),
        (("on", ">pw", "~another:*", "&*", "+@all"), "LPUSH"),
        (("on", ">pw", "~*", "resetchannels", "+@all"), "PUBLISH, SUBSCRIBE, PSUBSCRIBE"),
        (("on", ">pw", "~notifier*", "&*", "+@all"), "HGET"),
        (("on", ">pw", "~*", "&*", "-@all", "+@read", "+info"), "MULTI"),
        (("on", ">pw", "~*", "&*", "-@all"), "MULTI"),
    ],
)
def test_a_user_without_a_right(server: RedisServer, rules: tuple[str, ...], names: str) -> None:
    with closing(Broker(as_user(server, *rules))) as broker, pytest.raises(BrokerUnfit) as refused:
        broker.check(WORKING)
    assert names in str(refused.value)
    assert "ACL SETUSER" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert refused.value.exit_code == 2
    with admin(server.url) as client:
        assert client.keys() == [], "nothing was written"


def test_a_bridge_needs_no_channels(server: RedisServer) -> None:
    with closing(Broker(as_user(server, "on", ">pw", "~*", "resetchannels", "+@all"))) as broker:
        broker.check()


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_server_that_refuses_for_a_while_is_waited_for(tmp_path: Path, kind: str) -> None:
    with embedded_redis(tmp_path, durable=False) as server, admin(server.url) as client:
        KINDS[kind].begin(client)
        with closing(Broker(server.url)) as broker:
            broker.check(WORKING)


def test_a_cluster(tmp_path: Path) -> None:
    port = cluster_port()
    options = ["--port", port, "--cluster-enabled", "yes", "--save", "", "--dir", tmp_path]
    with Child("redis-server", [redis_program(), *options], log=tmp_path / "redis.log") as server:
        with redis.Redis(port=port) as client:
            server.wait_until(lambda: pings(client))
            client.execute_command("ACL", "SETUSER", "limited", *ALL, "-info")
        for url in (f"redis://127.0.0.1:{port}/0", f"redis://limited:pw@127.0.0.1:{port}/0"):
            with closing(Broker(url)) as broker, pytest.raises(BrokerUnfit, match="cluster mode is enabled"):
                broker.check()


def cluster_port() -> int:
    """A free port. Redis also listens 10,000 above it, where this must not be a port of outgoing connections."""
    return next(port for port in iter(free_port, None) if port < 22_768 and is_free(port + 10_000))


def pings(client: redis.Redis) -> bool:
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False


def test_a_wrong_password_is_reported_as_one(server: RedisServer) -> None:
    with closing(Broker(f"redis://:hush@127.0.0.1:{server.port}/0")) as broker, pytest.raises(BrokerError) as refused:
        broker.check()
    assert "refuses the user or the password" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_every_command_that_a_script_runs_is_asked_for() -> None:
    """A right that is missing in the list would be found by the first message instead of at the start."""
    rooms = [Path(module.__file__).parent for module in (celery_units.redis, notifier.broker, workers.sending)]
    files = [file for room in rooms for suffix in ("py", "lua") for file in room.rglob(f"*.{suffix}")]
    text = "".join(file.read_text() for file in files)
    used = set(re.findall(r"redis\.p?call\('([A-Z]+)'", text)) | set(re.findall(r'\["(B?[A-Z]+)",', text))
    assert len(used) > 10
    assert used - WORKING.keys() == set()
