"""The SQS queue of an emulator to which the events of SES are sent."""

import json
from typing import Any

from notifier.aws import AwsError, aws_client, aws_errors
from notifier.errors import Unreachable
from notifier.settings import Settings

ACCOUNT = "000000000000"
NAME = "ses-events"
_KEPT_SECONDS = 14 * 24 * 60 * 60


def create_events_queue(settings: Settings, session: Any = None) -> None:
    """Create the queue of NOTIFIER_FEEDBACK_QUEUE_URL, unless it exists, with the attributes that docs/feedback.md
    asks for. `session` is one of `aws_session`.

    Raise Unreachable.
    """
    where = f"SQS at {settings.endpoint('sqs')}"
    client = aws_client("sqs", settings, connect_timeout=3, read_timeout=10, attempts=3, session=session)
    region = client.meta.region_name
    name = settings.feedback_queue_url.rpartition("/")[2]
    attributes = {"MessageRetentionPeriod": str(_KEPT_SECONDS), "Policy": _policy(region, name)}
    try:
        with aws_errors(where):
            url = client.create_queue(QueueName=name)["QueueUrl"]
            client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    except AwsError as error:
        raise Unreachable(f"{where} did not make the queue: {error}") from error
    finally:
        client.close()


def _policy(region: str, queue: str) -> str:
    """Return the policy that lets only the topic of SES's events send to the queue."""
    topic = f"arn:aws:sns:{region}:{ACCOUNT}:ses-events"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
