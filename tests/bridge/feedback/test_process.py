"""`notifier feedback` as a process, on an SQS over HTTP and a real Postgres."""

import json
import signal
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

import bridge.feedback.wiring
import notifier.process.loops
from bridge.feedback.certificates import Certificates
from bridge.feedback.envelope import MessageParser
from bridge.feedback.flow import Flow
from bridge.feedback.queue import FeedbackQueue
from bridge.feedback.receiver import Receiver
from bridge.feedback.receivers import Receivers
from bridge.feedback.sns_signature import SignatureVerifier
from bridge.feedback.topic import Topic
from notifier.health import write_health
from notifier.health.heartbeat import Heartbeat
from notifier.notifications import Status
from notifier.outbox import Settlement
from sandbox.embedded.ministack import MinistackServer
from sandbox.embedded.processes import Child
from sandbox.embedded.ses import ses_simulator
from sandbox.system import CREDENTIALS, notifier_process
from tests.bridge.feedback import records
from tests.bridge.feedback.sqs_proxy import SqsProxy, sqs_proxy
from tests.bridge.feedback.test_queue import settings
from tests.conftest import GivenServer, administer
from tests.outbox.rows import Rows
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


class Queue:
    """A queue of this test's own."""

    def __init__(self, aws: str) -> None:
        session = boto3.Session(*CREDENTIALS.values(), region_name="eu-west-1")
        self.client = session.client("sqs", endpoint_url=aws)
        self.url: str = self.client.create_queue(QueueName=f"feedback-{uuid.uuid4().hex[:8]}")["QueueUrl"]

    def put(self, bodies: Sequence[str]) -> None:
        for start in range(0, len(bodies), 10):
            some = enumerate(bodies[start : start + 10])
            entries = [{"Id": str(number), "MessageBody": body} for number, body in some]
            self.client.send_message_batch(QueueUrl=self.url, Entries=entries)

    def depth(self) -> int:
        """Return how many messages it has, received ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(answer[name]) for name in names)


@pytest.fixture
def queue(ministack_server: MinistackServer | GivenServer) -> Iterator[Queue]:
    queue = Queue(ministack_server.url)
    yield queue
    queue.client.close()


@pytest.fixture
def proxy(ministack_server: MinistackServer | GivenServer) -> Iterator[SqsProxy]:
    with sqs_proxy(ministack_server.url) as server:
        yield server


class Environment:
    """Starts processes; they end with the test."""

    def __init__(self, folder: Path, database_url: str, queue: Queue, aws: str, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._started = 0
        self._environment = {
            "NOTIFIER_DATABASE_URL": database_url,
            "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
            "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0",
            "NOTIFIER_AWS_ENDPOINT_URL": aws,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_FEEDBACK_QUEUE_URL": queue.url,
            "NOTIFIER_VISIBILITY_SECONDS": "2",
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
        }

    def start(self, *options: str, **environment: str) -> Child:
        self._started += 1
        settings = {**self._environment, **environment}
        child = notifier_process(f"feedback-{self._started}", ["feedback", *options], self.folder, settings)
        return self._stack.enter_context(child)


@pytest.fixture
def environment(tmp_path: Path, database_url: str, queue: Queue, proxy: SqsProxy) -> Iterator[Environment]:
    with ExitStack() as stack:
        yield Environment(tmp_path, database_url, queue, proxy.url, stack)


@pytest.fixture
def sql(engine: Engine) -> Sql:
    return Sql(engine)


def sent(rows: Rows, count: int) -> list[UUID]:
    ids = rows.pending(count)
    rows.run("UPDATE deliveries SET status = 'sent', attempt = 1, provider_message_id = notification_id::text")
    return ids


def events_of(ids: Sequence[UUID]) -> list[str]:
    made = (records.send, records.delivery)
    return [
        json.dumps(make(messageId=str(id_), tags={"nid": [str(id_)], "att": ["1"]})) for id_ in ids for make in made
    ]


def statuses(sql: Sql) -> dict[str, int]:
    return {
        row["status"]: row["n"] for row in sql.all("SELECT status, count(*) AS n FROM deliveries GROUP BY status")
    }


def counts(sql: Sql) -> dict[str, Any]:
    return sql.one("SELECT sum(sends) AS sends, sum(deliveries) AS deliveries FROM feedback_hours")


def test_killed_between_settling_and_deleting_an_event_counts_once(
    environment: Environment, rows: Rows, queue: Queue, proxy: SqsProxy, sql: Sql
) -> None:
    queue.put([*events_of(sent(rows, 60)), "poison"])
    proxy.holding.set()
    for number in (1, 2):
        child = environment.start()
        wait_until(lambda number=number: proxy.held >= number, seconds=60)  # type: ignore[misc]
        child.stop(signal.SIGKILL)
    assert queue.depth() == 121

    proxy.holding.clear()
    environment.start()
    wait_until(lambda: queue.depth() == 0, seconds=60)
    assert statuses(sql) == {"delivered": 60}
    assert counts(sql) == {"sends": 60, "deliveries": 60}
    assert sql.one("SELECT count(*) AS n FROM dead_letters")["n"] == 1


def test_killed_at_any_moment(environment: Environment, rows: Rows, queue: Queue, sql: Sql) -> None:
    queue.put([*events_of(sent(rows, 300)), "poison"])
    for goal in (100, 400):
        child = environment.start("--concurrency", "3")
        wait_until(lambda goal=goal: sql.one("SELECT count(*) AS n FROM feedback")["n"] >= goal, seconds=60)  # type: ignore[misc]
        child.stop(signal.SIGKILL)
    environment.start()
    wait_until(lambda: queue.depth() == 0, seconds=60)
    assert statuses(sql) == {"delivered": 300}
    assert counts(sql) == {"sends": 300, "deliveries": 300}
    assert sql.one("SELECT count(*) AS n FROM dead_letters")["n"] == 1


def test_a_stop_finishes_the_batches_in_progress(
    environment: Environment, rows: Rows, queue: Queue, proxy: SqsProxy, sql: Sql
) -> None:
    child = environment.start()
    heartbeat = Heartbeat("feedback", environment.folder)
    wait_until(lambda: heartbeat.age() is not None, seconds=60)
    queue.put(events_of(sent(rows, 5)))
    wait_until(lambda: counts(sql)["sends"] == 5, seconds=60)
    child.stop(signal.SIGTERM)
    assert child.exit_code == 0
    assert queue.depth() == 0
    assert "Traceback" not in child.log.read_text()


def test_events_are_known_to_flow(environment: Environment, sql: Sql) -> None:
    environment.start()
    drained = "SELECT drained_at < now() - interval '3 s' AS before FROM channel_events WHERE channel = 'email'"
    assert wait_until(lambda: sql.all(drained), seconds=60) == [{"before": True}]


@pytest.mark.parametrize("version", ["1", "2"])
def test_signed_envelopes_from_the_simulator(
    tmp_path: Path, rows: Rows, engine: Engine, queue: Queue, sql: Sql, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulator signs with a key of its own; its certificate is where SNS would have it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    (id_,) = sent(rows, 1)
    file = tmp_path / "sns.pem"
    topic = Topic.of("arn:aws:sns:eu-west-1:000000000000:ses-events")
    received = FeedbackQueue(settings(queue.url, aws_endpoint_url=queue.client.meta.endpoint_url))
    parser = MessageParser(SignatureVerifier(topic, Certificates(topic, lambda _: file.read_bytes())))
    receiver = Receiver(received, parser, Settlement(engine, channel="email"), Flow(received))
    ready = Receivers([receiver], Heartbeat("feedback", tmp_path))
    thread = threading.Thread(target=ready.run)
    options = ("--sns-envelope", "--sns-certificate", str(file), "--sns-signature-version", version)
    with ses_simulator(tmp_path, "--queue-url", queue.url, *options) as ses:
        client = boto3.client("sesv2", endpoint_url=ses.url, region_name="eu-west-1")
        client.send_email(
            FromEmailAddress="a@example.com",
            Destination={"ToAddresses": ["b@example.com"]},
            Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}},
            EmailTags=[{"Name": "nid", "Value": str(id_)}, {"Name": "att", "Value": "1"}],
            ConfigurationSetName="notifier",
        )
        client.close()
        queue.put(events_of([id_]))  # bare ones, which anybody could have put there
        thread.start()
        wait_until(lambda: rows.status(id_) is Status.DELIVERED and queue.depth() == 0, seconds=20)
        ready.stop()
        thread.join()
    received.close()
    assert sql.one("SELECT count(*) AS n FROM feedback")["n"] == 2
    assert sql.one("SELECT count(*) AS n FROM dead_letters")["n"] == 2


def test_a_database_that_takes_no_writes_fails_the_health_of_an_idle_process(
    tmp_path: Path, database_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, "NOTIFIER_HEARTBEAT_FOLDER": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(notifier.process.loops, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(bridge.feedback.wiring, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(write_health, "STALE_SECONDS", 0.5)
    database = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    given = settings(queue.url, aws_endpoint_url=queue.client.meta.endpoint_url)
    changed = {"database_url": SecretStr(database_url), "allow_nondurable_database": True}
    with bridge.feedback.wiring.open_receivers(given.model_copy(update=changed), 2) as ready:
        thread = threading.Thread(target=ready.run)
        thread.start()
        heartbeat = Heartbeat("feedback", tmp_path)
        try:
            wait_until(lambda: heartbeat.age() is not None, seconds=20)
            assert heartbeat.trouble() == ""
            administer(database_url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
            administer(
                database_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            wait_until(lambda: "no writes" in heartbeat.trouble(), seconds=20)
        finally:
            ready.stop()
            thread.join(40)
