"""Whether there is an event bus, a topic or a queue that status updates go to."""

from notifier.doctor.aws.answers import ask, opened
from notifier.doctor.setup import Setup
from notifier.status_updates.arn import Arn

_ABSENT = frozenset(
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    )
)


def exists(setup: Setup, arn: Arn) -> bool:
    """Return whether AWS knows it. Raise CheckEnded if AWS does not say."""
    return {"events": _bus_exists, "sns": _topic_exists, "sqs": _queue_exists}[arn.service](setup, arn)


def _bus_exists(setup: Setup, arn: Arn) -> bool:
    name = arn.resource.removeprefix("event-bus/")
    with opened(setup, "events", arn.region) as client:
        right = "events:DescribeEventBus"
        return ask(arn.text, right, client.describe_event_bus, absent=_ABSENT, Name=name) is not None


def _topic_exists(setup: Setup, arn: Arn) -> bool:
    with opened(setup, "sns", arn.region) as client:
        right = "sns:GetTopicAttributes"
        return ask(arn.text, right, client.get_topic_attributes, absent=_ABSENT, TopicArn=arn.text) is not None


def _queue_exists(setup: Setup, arn: Arn) -> bool:
    url = arn.queue_url(setup.settings.endpoint("sqs"))
    with opened(setup, "sqs", arn.region) as client:
        right = "sqs:GetQueueAttributes"
        return ask(arn.text, right, client.get_queue_attributes, absent=_ABSENT, QueueUrl=url) is not None
