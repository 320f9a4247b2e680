"""The image in containers, with pytest-celery: worker and broker are killed, and each event still has its one mail.

All is real but AWS: our image runs bridge, worker, migrations and the stand-ins; Redis and Postgres are those of
docker-compose.yml. Nothing of it is left behind but the image.
"""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import docker
import orjson
import pytest
from celery import Celery
from docker.errors import DockerException
from pytest_celery import CeleryBrokerCluster, CeleryTestSetup, CeleryWorkerContainer, RedisContainer, RedisTestBroker
from pytest_docker_tools import build, container, fxtr
from pytest_docker_tools.wrappers import Container

from examples.activity import sample_items
from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Report, Search, Selection
from notifier.settings import Settings
from sandbox.demo.reconciliation import reconcile
from sandbox.system import ROUTES, SENDER, TABLE, local_session
from sandbox.table import EventTable
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]  # the first build of the image takes its time

ROOT = Path(__file__).parents[2]
NETWORK = "{default_pytest_celery_network.name}"
IMAGE = "{notifier_image.id}"
PUBLISHED = ("127.0.0.1", None)  # any free port
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "smoke", "AWS_SECRET_ACCESS_KEY": "smoke"}


class Postgres(Container):  # type: ignore[misc]
    def ready(self) -> bool:
        answers: bool = self.exec_run(["pg_isready", "--host=127.0.0.1"]).exit_code == 0
        return bool(super().ready()) and answers


class Redis(RedisContainer):  # type: ignore[misc]
    @property
    def host_url(self) -> str:
        return f"redis://{address(self, 6379)}/0"  # not always at localhost: this may itself run in a container


class Worker(CeleryWorkerContainer):  # type: ignore[misc]
    """`notifier worker email`: not the worker that pytest-celery brings."""

    @classmethod
    def worker_queue(cls) -> str:
        return "notifier.email"

    @classmethod
    def command(cls, *words: str, **_: Any) -> list[str]:
        return ["worker", "email", *words]


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """The engine. pytest-docker-tools asks this fixture for everything, so here is where it all is skipped."""
    client = engine()
    if client is None:
        where = os.environ.get("DOCKER_HOST") or "the usual socket"
        pytest.skip(
            f"nothing was tried in containers: no Docker engine answers at {where}; start one, or set DOCKER_HOST"
        )
    yield client
    client.close()


def engine() -> docker.DockerClient | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client drops its socket where no server listens
        with suppress(DockerException):
            return docker.from_env()  # asks for the version
        gc.collect()
    return None


notifier_image = build(path=str(ROOT), tag="notifier:smoke", forcerm=True)

postgres_box = container(
    image="postgres:17.11",
    environment={"POSTGRES_USER": "notifier", "POSTGRES_PASSWORD": "smoke", "LANG": "C.UTF-8"},
    tmpfs={"/var/lib/postgresql/data": "rw"},
    ports={"5432/tcp": PUBLISHED},
    network=NETWORK,
    wrapper_class=Postgres,
    timeout=60,
)

aws_box = container(
    image=IMAGE,
    entrypoint=["python", "-P", "-m", "ministack"],
    environment={"BIND_HOST": "0.0.0.0", "SERVICES": "dynamodb,dynamodbstreams", "LOG_LEVEL": "WARNING"},
    ports={"4566/tcp": PUBLISHED},
    network=NETWORK,
)

ses_box = container(
    image=IMAGE,
    entrypoint=["python", "-P", "-m", "simulators.ses"],
    command=["--host=0.0.0.0", "--port=8025", "--journal=/data/accepted.jsonl"],
    ports={"8025/tcp": PUBLISHED},
    network=NETWORK,
)

bridge_box = container(image=IMAGE, command=["bridge"], environment=fxtr("prepared"), network=NETWORK)

default_redis_broker = container(
    image="redis:8.8.3",
    command=fxtr("default_redis_broker_command"),
    tmpfs={"/data": "rw"},
    ports={"6379/tcp": PUBLISHED},
    network=NETWORK,
    wrapper_class=Redis,
    timeout=60,
)

default_worker_container = container(
    image=IMAGE,
    command=Worker.command(),
    environment=fxtr("prepared"),
    network=NETWORK,
    wrapper_class=Worker,
    timeout=60,
)


@pytest.fixture
def celery_backend_cluster() -> None:
    """There is no result backend."""


@pytest.fixture
def celery_broker_cluster(celery_redis_broker: RedisTestBroker) -> CeleryBrokerCluster:
    return CeleryBrokerCluster(celery_redis_broker)


@pytest.fixture
def prepared(
    docker_client: docker.DockerClient,
    notifier_image: Any,
    default_pytest_celery_network: Any,
    celery_broker_cluster_config: dict[str, list[str]],
    postgres_box: Container,
    aws_box: Container,
    ses_box: Container,
) -> dict[str, str]:
    """The environment of our processes, when the schema and the table are there."""
    environment = {
        "NOTIFIER_DATABASE_URL": f"postgresql://notifier:smoke@{inside(postgres_box)}:5432/notifier",
        "NOTIFIER_BROKER_URL": celery_broker_cluster_config["urls"][0],
        "NOTIFIER_AWS_DYNAMODB_ENDPOINT_URL": f"http://{inside(aws_box)}:4566",
        "NOTIFIER_AWS_SES_ENDPOINT_URL": f"http://{inside(ses_box)}:8025",
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "NOTIFIER_TABLES": TABLE,
        "NOTIFIER_ROUTES": ROUTES,
        "NOTIFIER_SENDER": SENDER,
        "NOTIFIER_SEND_LEASE_SECONDS": "10",
        "NOTIFIER_LOOK_AGAIN_SECONDS": "5",
        **CREDENTIALS,
    }
    for command in (["migrate"], ["produce", "--table-only"]):
        docker_client.containers.run(
            notifier_image.id,
            command,
            environment=environment,
            network=default_pytest_celery_network.name,
            remove=True,
        )
    return environment


class World:
    """What the application and the provider see: events that were written, mails that were accepted."""

    def __init__(self, database_url: str, table: EventTable, ses: Container) -> None:
        self._engine = connect(database_url)
        self._report = Report(self._engine)
        self._table = table
        self._ses = ses
        self._items = sample_items(1_000)
        self.written: list[str] = []

    def write(self, events: int) -> None:
        items = [next(self._items) for _ in range(events)]
        self.written += [item["to"] for item in self._table.write(items)]

    def accepted(self) -> list[str]:
        """The recipients of the mails, as the provider's journal has them."""
        journal = self._ses.get_text("/data/accepted.jsonl")["accepted.jsonl"]
        return [orjson.loads(line)["to"] for line in journal.splitlines()]

    def slow_down(self, seconds: float) -> None:
        self._faults("POST", [{"kind": "slow", "seconds": seconds}])

    def speed_up(self) -> None:
        self._faults("DELETE", None)

    def count(self, *statuses: Status) -> int:
        totals = self._report.totals()
        return sum(totals.get(each, 0) for each in statuses)

    def unknown(self) -> set[str]:
        """The recipients of the attempts whose outcome is not known."""
        found = Search(self._engine, budget=None).page(Selection(), [Status.UNKNOWN], limit=1_000)
        return {row["recipient"] for row in found.rows}

    def settled(self) -> bool:
        return self.count(Status.SENT, Status.UNKNOWN) == len(self.written)

    def balanced(self) -> bool:
        shards, stranded = self._report.audit()
        return not stranded and sum(row["records_read"] for row in shards) == len(self.written)

    def close(self) -> None:
        self._engine.dispose()

    def _faults(self, method: str, rules: Any) -> None:
        url = f"http://{address(self._ses, 8025)}/_sim/faults"
        with urlopen(Request(url, data=orjson.dumps(rules), method=method), timeout=10) as answer:
            assert answer.status == 200


@pytest.fixture
def world(postgres_box: Container, aws_box: Container, ses_box: Container, bridge_box: Container) -> Iterator[World]:
    settings = Settings(
        database_url=f"postgresql://notifier:smoke@{address(postgres_box, 5432)}/notifier",
        broker_url="redis://unused",
        aws_dynamodb_endpoint_url=f"http://{address(aws_box, 4566)}",
        aws_region="eu-west-1",
    )
    table = EventTable(settings, TABLE, local_session(settings))
    world = World(settings.database_url.get_secret_value(), table, ses_box)
    yield world
    world.close()


def inside(box: Container) -> str:
    """Its name in the network; engines do not resolve a name that they made up."""
    return str(box.id)[:12]


def address(box: Container, port: int) -> str:
    host, published = box.get_addr(f"{port}/tcp")
    return f"{host}:{published}"


def test_worker_and_broker_are_killed_and_each_event_has_its_mail(celery_setup: CeleryTestSetup, world: World):
    worker, broker = celery_setup.worker, celery_setup.broker
    app: Celery = celery_setup.app
    assert app.control.ping(timeout=10.0, limit=1), "pytest-celery's app finds our worker by Celery's remote control"

    world.write(20)
    wait_until(lambda: world.count(Status.SENT) == 20, 30)

    world.slow_down(3.0)
    world.write(40)
    wait_until(lambda: world.count(Status.SENDING) > 0, 30)
    worker.kill("SIGKILL")
    under_way = world.count(Status.SENDING)
    assert under_way > 0, "the worker had ended its attempts before it was killed"
    world.speed_up()
    worker.restart()
    world.write(10)

    broker.kill("SIGKILL")  # it keeps nothing: also what the dead worker had reserved is gone
    world.write(10)
    broker.restart()
    world.write(10)
    wait_until(world.settled, 90, "every delivery is sent, or unknown for its worker died while it was sent")

    counted = reconcile(world.written, world.accepted())
    assert (counted.duplicated, counted.unexpected) == (0, 0)
    assert set(world.written) - set(world.accepted()) <= world.unknown(), "no mail, and nothing says so"
    assert len(world.unknown()) == under_way
    assert world.balanced()
