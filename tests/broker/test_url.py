"""Brokers by URL: over a socket in the file system, over TLS, and too old ones."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from notifier.broker import Queue, celery_configuration, queue_name
from notifier.broker.url import kombu_url, redis_url
from notifier.broker.version import BrokerTooOld, check_server
from sandbox.processes import Child
from sandbox.redis import redis_program
from tests.broker.consumer import CLASSES, Looped


@pytest.mark.parametrize(
    ("ours", "kombus"),
    [
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix://:s%40cret@/run/redis.sock?db=2", "redis+socket://:s%40cret@/run/redis.sock?virtual_host=2"),
        ("redis://:db=1@host:6379/0", "redis://:db=1@host:6379/0"),
    ],
)
def test_a_socket_has_two_names(ours: str, kombus: str) -> None:
    assert kombu_url(ours) == kombu_url(kombus) == kombus
    assert redis_url(kombus) == redis_url(ours) == ours


@pytest.fixture
def socket_url(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", path, "--save", "", "--requirepass", "s@cret"]
    with Child("redis-server", [redis_program(), *options], log=tmp_path / "redis.log") as server:
        server.wait_until(lambda: answers(path))
        yield f"unix://:s%40cret@{path}?db=2"


def answers(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        return True
    return False


@pytest.mark.parametrize("transport", ["fast", "stock"])
def test_bridge_and_worker_meet_over_a_socket(socket_url: str, transport: str) -> None:
    queue = Queue(socket_url)
    queue.check()
    id_ = uuid.uuid4()
    queue.publish("email", {id_: 0})
    with Looped(celery_configuration(socket_url)["broker_url"], transport, [queue_name("email")]) as consumer:
        consumer.turn_until(lambda: consumer.received)
        assert consumer.received[0].headers["id"] == str(id_)
        assert queue.held("email") == {id_}
    queue.close()


@pytest.mark.parametrize(
    ("url", "asks"),
    [("rediss://host/0", "required"), ("rediss://host/0?ssl_cert_reqs=none", "none"), ("redis://host/0", None)],
)
def test_tls_checks_the_certificate_unless_told_otherwise(url: str, asks: str | None) -> None:
    configuration = celery_configuration(url)
    connection = Connection(
        configuration["broker_url"], ssl=configuration["broker_use_ssl"], transport=CLASSES["fast"]
    )
    transport = connection.transport
    channel = transport.Channel.__new__(transport.Channel)
    channel.connection = transport
    parameters = channel._connparams()
    assert issubclass(parameters["connection_class"], redis.SSLConnection) == (asks is not None)
    if asks:
        made = parameters["connection_class"](ssl_cert_reqs=parameters["ssl_cert_reqs"])
        assert made.cert_reqs.name == f"CERT_{asks.upper()}"


class Telling:
    """A server that says this about itself."""

    def __init__(self, **words: Any) -> None:
        self._words = words

    def info(self, section: str) -> dict[str, Any]:
        assert section == "server"
        return self._words


class Silent(Telling):
    def info(self, section: str) -> dict[str, Any]:
        raise redis.exceptions.NoPermissionError(section)


@pytest.mark.parametrize("version", ["5.0.14", "6.0.16", 6.0])
def test_a_server_that_is_too_old(version: Any) -> None:
    with pytest.raises(BrokerTooOld, match="or newer"):
        check_server(Telling(redis_version=version))


@pytest.mark.parametrize(
    "server",
    [
        Telling(redis_version="6.2.0"),
        Telling(redis_version="7.2.4"),
        Telling(redis_version="255.0"),
        Telling(),
        Silent(),
    ],
)
def test_a_server_that_will_do(server: Telling) -> None:
    check_server(server)


def test_a_consumer_refuses_a_server_that_is_too_old(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.Redis, "info", lambda *_: {"redis_version": "6.0.16"})
    with pytest.raises(BrokerTooOld):
        Looped(broker_url, "fast")
    with pytest.raises(BrokerTooOld):
        Queue(broker_url).check()
