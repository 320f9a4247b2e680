"""The embedded servers keep data, require a password, and listen on one port of 127.0.0.1."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg
import pytest
import redis

from notifier.errors import Unreachable
from sandbox.embedded.allocation import free_port
from sandbox.embedded.kept import Kept
from sandbox.embedded.ministack import MinistackServer, ministack
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.embedded.redis import RedisServer, embedded_redis, redis_program
from tests.sandbox.liveness import alive, family, listeners
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with embedded_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackServer]:
    with ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield server


def ask(server: PostgresServer, statement: str) -> tuple:
    with psycopg.connect(server.url()) as connection:
        return connection.execute(statement).fetchone()


def client(server: MinistackServer, service: str):
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def table_with_stream(dynamodb) -> str:
    """Make the table `activity`; return the ARN of its stream."""
    made = dynamodb.create_table(
        TableName="activity",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return made["TableDescription"]["LatestStreamArn"]


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_postgres_keeps_its_data(postgres: PostgresServer, mode):
    with psycopg.connect(postgres.url()) as connection:
        connection.execute(f"CREATE TABLE kept_{mode} AS SELECT 42 AS answer")
    before = postgres.pid
    postgres.restart(mode)
    assert postgres.pid != before
    assert ask(postgres, f"SELECT answer FROM kept_{mode}") == (42,)


def test_postgres_restarts_though_a_session_of_the_killed_server_still_runs(postgres: PostgresServer):
    session = psycopg.connect(postgres.url())
    resuming = threading.Timer(0.3, os.kill, [session.info.backend_pid, signal.SIGCONT])
    os.kill(session.info.backend_pid, signal.SIGSTOP)
    resuming.start()
    postgres.restart("kill")
    resuming.join()
    session.close()
    assert ask(postgres, "SELECT 1") == (1,)


def test_postgres_is_durable_by_default(postgres: PostgresServer, tmp_path: Path):
    settings = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
    assert ask(postgres, settings) == ("on", "on")
    with embedded_postgres(tmp_path, durable=False) as nondurable:
        assert ask(nondurable, settings) == ("off", "on")


def test_postgres_uses_unicode_and_utc(postgres: PostgresServer):
    settings = "SELECT current_setting('server_encoding'), current_setting('timezone'), 'ÄÖ' ILIKE 'äö'"
    assert ask(postgres, settings) == ("UTF8", "UTC", True)


def test_postgres_creates_databases(postgres: PostgresServer):
    postgres.create_database("further")
    with psycopg.connect(postgres.url("further")) as connection:
        assert connection.info.dbname == "further"


def test_postgres_requires_the_password(postgres: PostgresServer):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{postgres.port}/postgres")


def test_postgres_that_cannot_start_shows_its_log(postgres: PostgresServer):
    postgres.stop()
    with (
        socket.create_server(("127.0.0.1", postgres.port)),
        pytest.raises(Unreachable, match="Address already in use"),
    ):
        postgres.start()
    postgres.restart()
    assert ask(postgres, "SELECT 1") == (1,)


def test_redis_keeps_its_data_unless_told_otherwise(broker: RedisServer):
    with redis.Redis.from_url(broker.url) as connection:
        connection.set("kept", "42")
        broker.restart()
        assert connection.get("kept") == b"42"
        broker.restart(keep_data=False)
        assert connection.dbsize() == 0


def test_redis_never_evicts_and_is_durable_by_default(broker: RedisServer, tmp_path: Path):
    with redis.Redis.from_url(broker.url) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}
        assert connection.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert connection.config_get("auto-aof-rewrite-min-size") == {"auto-aof-rewrite-min-size": str(512 * 2**20)}
    with embedded_redis(tmp_path, durable=False) as server, redis.Redis.from_url(server.url) as connection:
        assert connection.config_get("appendonly") == {"appendonly": "no"}
        assert connection.config_get("save") == {"save": ""}


def test_redis_requires_the_password(broker: RedisServer):
    with socket.create_connection(("127.0.0.1", broker.port)) as connection:
        connection.sendall(b"PING\r\nQUIT\r\n")
        assert connection.makefile("rb").readline().startswith(b"-NOAUTH")


def test_redis_that_cannot_start_shows_its_log(broker: RedisServer):
    broker.stop()
    with (
        socket.create_server(("127.0.0.1", broker.port)),
        pytest.raises(Unreachable, match="Address already in use"),
    ):
        broker.start()
    broker.restart()


def test_redis_on_the_path_is_used_if_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program.write_text("#!/bin/sh\necho Redis server v=6.2.0 sha=0\n")
    assert redis_program() == program
    program.write_text("#!/bin/sh\necho Redis server v=6.0.16 sha=0\n")
    assert redis_program() != program


def test_without_redis_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    program.write_text("#!/bin/sh\necho libssl.so.1.1: not found >&2; exit 127\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("sandbox.embedded.redis._WHEELS", ())
    with pytest.raises(Unreachable, match=f"NOTIFIER_BROKER_URL, .* to a server; {program} does not run"):
        redis_program()


def test_ministack_has_streams_queues_and_topics(aws: MinistackServer):
    dynamodb, streams = client(aws, "dynamodb"), client(aws, "dynamodbstreams")
    stream = table_with_stream(dynamodb)
    dynamodb.put_item(TableName="activity", Item={"id": {"S": "1"}})
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record["dynamodb"]["NewImage"] for record in records] == [{"id": {"S": "1"}}]

    sns, sqs = client(aws, "sns"), client(aws, "sqs")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    assert queue.startswith(aws.url)
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="events")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="delivered")
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert [message["Body"] for message in messages] == ["delivered"]
    assert listeners(aws.pid) == {("127.0.0.1", aws.port)}

    aws.restart()
    assert dynamodb.list_tables()["TableNames"] == []
    for each in (dynamodb, streams, sns, sqs):
        each.close()


def test_ministack_keeps_tables_streams_and_queues_in_a_folder(tmp_path: Path):
    kept = Kept(tmp_path, free_port(), "")
    with ministack(tmp_path, kept=kept) as server:
        dynamodb, sqs = client(server, "dynamodb"), client(server, "sqs")
        stream = table_with_stream(dynamodb)
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName="events")["QueueUrl"], MessageBody="delivered")
        dynamodb.put_item(TableName="activity", Item={"id": {"S": "1"}})
        first = stream_records(server, stream)
    with ministack(tmp_path, kept=kept) as server:
        assert server.port == kept.port
        assert stream_records(server, stream) == first
        dynamodb.put_item(TableName="activity", Item={"id": {"S": "2"}})
        numbers = [each["SequenceNumber"] for each in stream_records(server, stream)]
        assert len(numbers) == 2
        assert numbers == sorted(numbers)
        assert dynamodb.scan(TableName="activity")["Count"] == 2
        [message] = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="events")["QueueUrl"])["Messages"]
        assert message["Body"] == "delivered"
    dynamodb.close()
    sqs.close()


def test_ministack_that_is_killed_has_kept_its_tables_and_streams(tmp_path: Path):
    kept = Kept(tmp_path, free_port(), "")
    with ministack(tmp_path, kept=kept) as server:
        dynamodb = client(server, "dynamodb")
        stream = table_with_stream(dynamodb)
        dynamodb.put_item(TableName="activity", Item={"id": {"S": "the only"}})
        state = tmp_path / "dynamodb.json"
        wait_until(lambda: state.exists() and '"the only"' in state.read_text())
        first = stream_records(server, stream)
        os.killpg(server.pid, signal.SIGKILL)
    with ministack(tmp_path, kept=kept) as server:
        assert stream_records(server, stream) == first
    dynamodb.close()


def stream_records(server: MinistackServer, stream: str) -> list[dict]:
    streams = client(server, "dynamodbstreams")
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    streams.close()
    return [each["dynamodb"] for each in records]


@pytest.mark.parametrize("name", ["postgres", "broker", "aws"])
def test_it_listens_only_on_its_port_of_loopback(request: pytest.FixtureRequest, name):
    server = request.getfixturevalue(name)
    assert listeners(server.pid) == {("127.0.0.1", server.port)}


@pytest.mark.parametrize("embedded", [embedded_postgres, embedded_redis, ministack])
def test_it_leaves_its_log_and_nothing_else(embedded, tmp_path: Path):
    with embedded(tmp_path) as server:
        processes = family(server.pid)
    wait_until(lambda: not alive(processes))
    assert server.pid is None
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]
