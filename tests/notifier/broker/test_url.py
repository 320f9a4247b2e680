"""Brokers by URL: one parser and one factory for bridge, rates and Celery, over TCP, TLS, a socket and Sentinels."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from kombu import Connection

from notifier.broker import Broker, BrokerError, celery_configuration, queue_name
from notifier.broker.client import redis_client
from notifier.broker.rights import BrokerUnfit
from notifier.broker.url import BrokerUrl
from notifier.errors import SettingsError
from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis, redis_program
from tests.celery_units.redis.consumer import CLASSES, Looped
from workers.sending.bucket import TokenBucket

SENTINEL_CLASSES = {
    "fast": "celery_units.redis.transport:SentinelTransport",
    "stock": "kombu.transport.redis:SentinelTransport",
}


@pytest.mark.parametrize(
    ("url", "kombus"),
    [
        ("redis://", "redis://127.0.0.1:6379/0"),
        ("redis://host", "redis://host:6379/0"),
        ("redis://host/", "redis://host:6379/0"),
        ("redis://host//3", "redis://host:6379/3"),
        ("redis://host?db=2", "redis://host:6379/2"),
        ("redis://host/2?db=2", "redis://host:6379/2"),
        ("redis://host:1?virtual_host=2", "redis://host:1/2"),
        ("redis://[::1]:7/1", "redis://[::1]:7/1"),
        ("redis://user:a@b;c#d@host/0", "redis://user:a%40b%3Bc%23d@host:6379/0"),
        ("redis://:db=1@host:6379/0", "redis://:db%3D1@host:6379/0"),
        ("redis://host?username=u&password=p%25", "redis://u:p%25@host:6379/0"),
        ("REDISS://host/1", "rediss://host:6379/1"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix://:s%40cret@/run/a;b.sock?db=2", "redis+socket://:s%40cret@/run/a%3Bb.sock?virtual_host=2"),
        ("redis+socket:///run/redis.sock?virtual_host=/2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("sentinel://one,two:1/0?master_name=m", "sentinel://one:26379/0;sentinel://two:1/0"),
        ("sentinel://:p;q@one;two/m", "sentinel://:p%3Bq@one:26379/0;sentinel://:p%3Bq@two:26379/0"),
        ("sentinel://:p@one:1;sentinel://two:2/3?master_name=m", "sentinel://:p@one:1/3;sentinel://:p@two:2/3"),
        ("redis+sentinel://one/m/4", "sentinel://one:26379/4"),
        ("redis-sentinel://one/4?sentinelMasterId=m", "sentinel://one:26379/4"),
    ],
)
def test_one_url_is_read_once(url: str, kombus: str) -> None:
    """What kombu gets means the same to both, however the URL was written."""
    assert celery_configuration(url)["broker_url"] == kombus
    assert BrokerUrl.of(url).kombu == kombus


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:6379", "is not a URL"),
        ("", "is not a URL"),
        ("amqp://hush@host", "must start with redis://"),
        ("redis://host/hush", "database is not a number"),
        ("redis://host/0/hush", "database is not a number"),
        ("redis://host/-1", "database is not a number"),
        ("redis://host/٣", "database is not a number"),
        ("redis://host/1?db=2", "two different databases"),
        ("redis://host?db=2&db=3", "given twice"),
        ("redis://host:hush/0", "port is not a number"),
        ("redis://host:0/0", "port is not a number"),
        ("redis://host:65536/0", "port is not a number"),
        ("redis://:hu/sh@host/0", "an @ behind its host"),
        ("redis://:12/hush@host/0", "an @ behind its host"),
        ("redis://u:12?hush@host/0", "an @ behind its host"),
        ("redis://:hu sh@host/0", "white space"),
        ("redis://:hush%00@host/0", "control character"),
        ("redis://:hush%ff@host/0", "not UTF-8"),
        ("redis://h1/0;redis://h2/0", "several servers"),
        ("redis://h1,h2/0", "several servers"),
        ("redis://host?sock_timeout=1", "not known here"),
        ("redis://host?socket_timeout=hush", "number of seconds"),
        ("redis://host?socket_timeout=0", "number of seconds"),
        ("redis://host?socket_keepalive=hush", "neither true nor false"),
        ("redis://host?ssl_cert_reqs=none", "option for TLS"),
        ("rediss://host?ssl_cert_reqs=hush", "ssl_cert_reqs is not one of"),
        ("rediss://host?ssl_ca_certs=/no/such/hush", "no such file"),
        ("rediss://host?ssl_hush=1", "not known here"),
        ("redis://host?hush", "not a list"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix://", "three slashes"),
        ("sentinel://one,two/0", "must name the server"),
        ("sentinel://one/a?master_name=b", "must name the server"),
        ("sentinel://one;redis://two/m", "several servers"),
    ],
)
def test_all_clients_refuse_the_same_urls(url: str, says: str) -> None:
    """Nothing that may be a part of a password is repeated."""
    for use in (Broker, celery_configuration, lambda given: TokenBucket(given, "email", lambda: None)):
        with pytest.raises(SettingsError, match="NOTIFIER_BROKER_URL") as refused:
            use(url)
        assert says in str(refused.value)
        assert "hush" not in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


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


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, str]]:
    """A Redis, and the address of a Sentinel with its own password that knows it as `mymaster`."""
    folder, port = tmp_path_factory.mktemp("sentinel"), free_port()
    with embedded_redis(folder, durable=False, password="p;w#d@x") as server, ExitStack() as stack:
        configuration = (
            f'port {port}\nrequirepass "s/q"\nsentinel monitor mymaster 127.0.0.1 {server.port} 1\n'
            f'sentinel auth-pass mymaster "{server.password}"\n'
        )
        (folder / "sentinel.conf").write_text(configuration)
        command = [redis_program(), folder / "sentinel.conf", "--sentinel"]
        child = stack.enter_context(Child("sentinel", command, log=folder / "sentinel.log"))
        with redis.Redis(port=port, password="s/q") as client:
            child.wait_until(lambda: knows(client))
        yield server, f"127.0.0.1:{port}"


def knows(client: Any) -> bool:
    with suppress(redis.RedisError):
        return bool(client.sentinel_master("mymaster")["is_master"])
    return False


def check_all_clients(url: str, transport: str, classes: dict[str, str] = CLASSES) -> None:
    """The bridge's queue, the rate limiter and a consumer use the same server and database."""
    configuration = celery_configuration(url)
    with closing(Broker(url)) as broker, closing(TokenBucket(url, "email", lambda: None, fixed=5.0)) as limiter:
        broker.check()
        id_ = uuid.uuid4()
        broker.publish("email", {id_: 0})
        assert limiter.take(2).tokens == 2
        assert broker._redis.exists("notifier:rate:email")
        options = configuration["broker_transport_options"]
        connection = Connection(
            configuration["broker_url"],
            ssl=configuration["broker_use_ssl"],
            transport=classes[transport],
            transport_options=options,
        )
        with closing(connection), closing(connection.SimpleQueue(queue_name("email"))) as simple:
            message = simple.get(timeout=10)
            assert message.headers["id"] == str(id_)
            assert broker.held("email") == {id_}
            message.ack()
        assert broker.held("email") == set()


@pytest.mark.parametrize("transport", ["fast", "stock"])
def test_all_clients_use_a_socket(socket_url: str, transport: str) -> None:
    check_all_clients(socket_url, transport)


@pytest.mark.parametrize("transport", ["fast", "stock"])
@pytest.mark.parametrize(
    "form",
    [
        "sentinel://:p;w#d@x@{host}/mymaster?sentinel_password=s%2Fq",
        "sentinel://:p%3Bw%23d%40x@{host};sentinel://127.0.0.1:1/2?master_name=mymaster&sentinel_password=s%2Fq",
    ],
)
def test_all_clients_use_sentinels(sentinel: tuple[RedisServer, str], form: str, transport: str) -> None:
    check_all_clients(form.format(host=sentinel[1]), transport, SENTINEL_CLASSES)


def test_a_consumer_receives_behind_sentinels(sentinel: tuple[RedisServer, str]) -> None:
    url = f"sentinel://:p;w#d@x@{sentinel[1]}/mymaster/3?sentinel_password=s%2Fq"
    configuration, id_ = celery_configuration(url), uuid.uuid4()
    with closing(Broker(url)) as broker:
        broker.publish("email", {id_: 0})
        CLASSES["sentinel"] = SENTINEL_CLASSES["fast"]
        options = configuration["broker_transport_options"]
        with Looped(configuration["broker_url"], "sentinel", [queue_name("email")], **options) as consumer:
            consumer.turn_until(lambda: consumer.received)
            assert consumer.received[0].headers["id"] == str(id_)
        del CLASSES["sentinel"]


def test_a_server_that_the_sentinels_do_not_know(sentinel: tuple[RedisServer, str]) -> None:
    with closing(Broker(f"sentinel://:hush@{sentinel[1]}/another?sentinel_password=s%2Fq")) as broker:
        with pytest.raises(BrokerError, match="No master found for 'another'") as told:
            broker.check()
        assert "hush" not in str(told.value)
        assert "s/q" not in str(told.value)


@pytest.mark.parametrize("form", ["{base}/9", "{base}?db=9", "{base}//9", "{base}/9?db=9&socket_timeout=5"])
@pytest.mark.parametrize("transport", ["fast", "stock"])
def test_all_clients_use_the_database_of_the_url(redis_server: RedisServer, form: str, transport: str) -> None:
    base = urlsplit(redis_server.url)._replace(path="").geturl()
    with redis.Redis.from_url(f"{base}/9") as client:
        client.flushdb()
        check_all_clients(form.format(base=base), transport)
        assert client.exists("notifier:rate:email")


def test_a_database_that_the_server_does_not_have(redis_server: RedisServer) -> None:
    url = urlsplit(redis_server.url)._replace(path="/99").geturl()
    with closing(Broker(url)) as broker, pytest.raises(BrokerUnfit, match="no database of the number"):
        broker.check()


@pytest.mark.parametrize(
    ("url", "asks"),
    [
        ("rediss://host/0", "required"),
        ("rediss://host/0?ssl_cert_reqs=none", "none"),
        ("rediss://host/0?ssl_cert_reqs=CERT_REQUIRED", "required"),
        ("rediss://host/0?ssl_cert_reqs=CERT_OPTIONAL&ssl_check_hostname=false", "optional"),
        ("sentinels://host/m?ssl_cert_reqs=CERT_NONE", "none"),
        ("redis://host/0", None),
        ("sentinel://host/m", None),
    ],
)
def test_tls_checks_the_certificate_unless_told_otherwise(url: str, asks: str | None) -> None:
    configuration = celery_configuration(url)
    classes = SENTINEL_CLASSES if "sentinel" in url else CLASSES
    connection = Connection(
        configuration["broker_url"], ssl=configuration["broker_use_ssl"], transport=classes["fast"]
    )
    transport = connection.transport
    channel = transport.Channel.__new__(transport.Channel)
    channel.connection = transport
    parameters = channel._connparams()
    with closing(redis_client(BrokerUrl.of(url), timeout=1)) as client:
        for kind, options in (
            (parameters["connection_class"], parameters),
            (client.connection_pool.connection_class, client.connection_pool.connection_kwargs),
        ):
            assert issubclass(kind, redis.SSLConnection) == (asks is not None)
            if asks:
                names = ("ssl_cert_reqs", "ssl_check_hostname")
                made = redis.SSLConnection(**{name: options[name] for name in names if name in options})
                assert made.cert_reqs.name == f"CERT_{asks.upper()}"
                assert made.check_hostname is (asks == "required")


def test_a_server_that_is_too_old(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.Redis, "info", lambda *_: {"redis_version": "6.0.16"})
    with closing(Broker(broker_url)) as broker, pytest.raises(BrokerUnfit, match="or newer"):
        broker.check()
