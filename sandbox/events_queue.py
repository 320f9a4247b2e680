"""The SQS queue of an emulator to which the events of SES are sent."""

from typing import Any

from notifier.aws import AwsError, aws_client, aws_errors
from notifier.errors import Unreachable
from notifier.settings import Settings

ACCOUNT = "000000000000"
NAME = "ses-events"


def create_events_queue(settings: Settings, session: Any = None) -> None:
    """Create the queue of NOTIFIER_FEEDBACK_QUEUE_URL, unless it exists. `session` is one of `aws_session`.

    Raise Unreachable.
    """
    where = f"SQS at {settings.endpoint('sqs')}"
    client = aws_client("sqs", settings, connect_timeout=3, read_timeout=10, attempts=3, session=session)
    try:
        with aws_errors(where):
            client.create_queue(QueueName=settings.feedback_queue_url.rpartition("/")[2])
    except AwsError as error:
        raise Unreachable(f"{where} did not make the queue: {error}") from error
    finally:
        client.close()
