"""The SQS queue of an emulator to which the events of SES are sent."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from notifier.errors import Unreachable
from notifier.settings import Settings

ACCOUNT = "000000000000"
NAME = "ses-events"


def create_events_queue(settings: Settings, session: boto3.Session | None = None) -> None:
    """Create the queue of NOTIFIER_FEEDBACK_QUEUE_URL, unless it exists. Raises Unreachable."""
    client = (session or boto3.Session()).client(
        "sqs",
        region_name=settings.aws_region or None,
        endpoint_url=settings.endpoint("sqs"),
        config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"}),
    )
    try:
        client.create_queue(QueueName=settings.feedback_queue_url.rpartition("/")[2])
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(f"SQS at {settings.endpoint('sqs')} did not make the queue: {error}") from error
    finally:
        client.close()
