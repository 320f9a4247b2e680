"""`notifier produce --table-only` creates the table and the queue of an emulator."""

from pathlib import Path

import boto3

from sandbox.embedded.ministack import MinistackServer
from sandbox.system import CREDENTIALS, EXAMPLE, notifier_process
from tests.conftest import GivenServer


def test_the_queue_of_an_emulator(ministack_server: MinistackServer | GivenServer, tmp_path: Path) -> None:
    url = f"{ministack_server.url}/000000000000/made-by-produce"
    environment = {
        **EXAMPLE,
        "NOTIFIER_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0",
        "NOTIFIER_AWS_ENDPOINT_URL": ministack_server.url,
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "NOTIFIER_FEEDBACK_QUEUE_URL": url,
    }
    for _ in range(2):  # the second time they exist
        with notifier_process("table", ["produce", "--table-only"], tmp_path, environment) as child:
            child.finish(60)
    sqs = boto3.Session(*CREDENTIALS.values()).client(
        "sqs", endpoint_url=ministack_server.url, region_name="eu-west-1"
    )
    assert sqs.get_queue_url(QueueName="made-by-produce")["QueueUrl"] == url
    sqs.close()
