"""What keeps SES's events from the queue is found and named, with a real queue and topic of emulators."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from typing import Any

import boto3
import pytest

from notifier.doctor.finding import Level
from notifier.doctor.ses.policy import lets_in, open_to_all
from notifier.doctor.ses.queue import access
from notifier.settings import Settings, read_settings
from sandbox.embedded.ses import ses_simulator
from sandbox.events_queue import create_events_queue
from tests.notifier.doctor.conftest import Diagnose, Diagnosis
from tests.notifier.doctor.test_ses import add, refused

EVENTS = ("topic", "queue")
TOPIC = "arn:aws:sns:eu-west-1:000000000000:ses-events"


class Events:
    """A queue of ministack, and a simulator of SES that is said to send to it."""

    def __init__(self, diagnose: Diagnose, aws: str, folder: Path) -> None:
        self.diagnose = diagnose
        self.aws = aws
        self.folder = folder
        self.queue = f"{aws}/000000000000/doctor-{token_hex(4)}"
        self.sqs = boto3.client("sqs", endpoint_url=aws, region_name="eu-west-1")

    def create(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("database_url", "broker_url"):
                patch.setenv(f"NOTIFIER_{name.upper()}", "redis://a" if "broker" in name else "postgresql://a")
            patch.setenv("NOTIFIER_FEEDBACK_QUEUE_URL", self.queue)
            patch.setenv("NOTIFIER_AWS_ENDPOINT_URL", self.aws)
            patch.setenv("NOTIFIER_AWS_REGION", "eu-west-1")
            create_events_queue(read_settings(Settings))

    def set(self, **attributes: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)

    def ask(self, *options: str, faults: tuple[dict[str, Any], ...] = (), **given: str) -> Diagnosis:
        words = options or ("--queue-url", self.queue)
        with ses_simulator(self.folder, *words) as ses:
            add(ses, *faults)
            return self.diagnose(
                *EVENTS,
                **{
                    "aws_endpoint_url": self.aws,
                    "aws_ses_endpoint_url": ses.url,
                    "aws_sns_endpoint_url": ses.url,
                    "feedback_queue_url": self.queue,
                    **given,
                },
            )


@pytest.fixture
def events(diagnose: Diagnose, ministack_server: Any, tmp_path: Path) -> Iterator[Events]:
    made = Events(diagnose, ministack_server.url, tmp_path)
    made.create()
    yield made
    made.sqs.close()


def test_good_events(events: Events) -> None:
    found = events.ask()
    assert len(found.at(Level.GOOD)) == len(found) == 5


def test_no_queue(events: Events) -> None:
    events.sqs.delete_queue(QueueUrl=events.queue)
    events.ask().the(Level.WRONG, "there is no queue", "NOTIFIER_FEEDBACK_QUEUE_URL")


def test_no_url_of_a_queue(events: Events) -> None:
    events.ask(feedback_queue_url="").the(Level.WRONG, "NOTIFIER_FEEDBACK_QUEUE_URL is not set", "set its URL")


def test_a_queue_without_a_policy(events: Events) -> None:
    events.set(Policy="")
    events.ask().the(Level.WRONG, "does not let the topic ses-events send", "allow sqs:SendMessage")


def test_a_queue_for_another_topic(events: Events) -> None:
    statement = {**statement_for("sns.amazonaws.com"), "Condition": {"ArnEquals": {"aws:SourceArn": f"{TOPIC}-old"}}}
    events.set(Policy=json.dumps({"Statement": [statement]}))
    events.ask().the(Level.WRONG, "does not let the topic ses-events send", "aws:SourceArn")


def test_a_queue_that_is_open_to_all(events: Events) -> None:
    events.set(Policy=json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}}))
    events.ask().the(Level.WRONG, "everyone may write", "allow only sns.amazonaws.com")


def test_a_queue_that_gives_events_up(events: Events) -> None:
    dead = events.sqs.create_queue(QueueName=f"dead-{token_hex(4)}")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-west-1:000000000000:{dead.rpartition('/')[2]}"
    events.set(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}))
    events.ask().the(Level.DOUBTFUL, "after 3 receives", "maxReceiveCount")


def test_a_queue_that_keeps_events_for_an_hour(events: Events) -> None:
    events.set(MessageRetentionPeriod="3600")
    events.ask().the(Level.DOUBTFUL, "keeps messages for 0.0 days", "1209600")


def test_a_queue_whose_key_sns_may_not_use() -> None:
    attributes = {"QueueArn": "arn:aws:sqs:eu-west-1:1:q", "Policy": "", "KmsMasterKeyId": "alias/aws/sqs"}
    assert [each.level for each in access(attributes, None, signed=False)] == [Level.UNKNOWN, Level.WRONG]


def test_a_queue_that_has_not_subscribed(events: Events) -> None:
    found = events.ask("--queue-url", f"{events.queue}-of-another")
    found.the(Level.WRONG, "has not subscribed to the topic ses-events", "aws sns subscribe")


def test_wrapped_messages_where_raw_ones_are_read(events: Events) -> None:
    found = events.ask("--queue-url", events.queue, "--sns-envelope")
    found.the(Level.WRONG, "wraps messages", "RawMessageDelivery=true")


def test_raw_messages_where_signed_ones_are_read(events: Events) -> None:
    found = events.ask(feedback_topic_arn=TOPIC)
    found.the(Level.WRONG, "takes signed ones only", "switch RawMessageDelivery off")
    found = events.ask("--queue-url", events.queue, "--sns-envelope", feedback_topic_arn=TOPIC)
    assert len(found.at(Level.GOOD)) == len(found)


def test_another_topic_than_that_of_the_settings(events: Events) -> None:
    found = events.ask("--queue-url", events.queue, "--sns-envelope", feedback_topic_arn=f"{TOPIC}-old")
    found.the(Level.WRONG, "NOTIFIER_FEEDBACK_TOPIC_ARN is another one", "set it to the topic")


def test_a_topic_that_is_not_there(events: Events) -> None:
    """SNS of ministack has no such topic."""
    found = events.ask(aws_sns_endpoint_url=events.aws)
    found.the(Level.WRONG, "there is no topic ses-events", "make it")


def test_a_topic_that_takes_nothing_from_ses(events: Events) -> None:
    with closing(boto3.client("sns", endpoint_url=events.aws, region_name="eu-west-1")) as sns:
        topic = sns.create_topic(Name="ses-events")["TopicArn"]
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Statement": []}))
        found = events.ask(aws_sns_endpoint_url=events.aws)
        sns.delete_topic(TopicArn=topic)
    found.the(Level.WRONG, "does not let SES publish", "allow sns:Publish to ses.amazonaws.com")


@pytest.mark.parametrize("operation", ["GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes"])
def test_a_login_without_the_right_to_look(events: Events, operation: str) -> None:
    found = events.ask(faults=(refused(operation, "AuthorizationError"),))
    found.the(Level.DOUBTFUL, "cannot be checked", f"allow sns:{operation}")
    assert found.at(Level.WRONG) == []


def test_what_a_policy_lets_in() -> None:
    def policy(**statement: Any) -> str:
        return json.dumps({"Statement": [{"Effect": "Allow", **statement}]})

    ours = policy(**statement_for("sns.amazonaws.com"))
    assert lets_in(ours, "sns.amazonaws.com", "sqs:SendMessage", TOPIC)
    assert not lets_in(ours, "sns.amazonaws.com", "sqs:SendMessage", f"{TOPIC}-2")
    assert not lets_in(ours, "ses.amazonaws.com", "sqs:SendMessage", TOPIC)
    several = policy(Principal={"Service": ["sns.amazonaws.com"]}, Action="SQS:Send*")
    assert lets_in(several, "sns.amazonaws.com", "sqs:SendMessage")
    like = policy(Principal={"AWS": "*"}, Action=["sqs:*"], Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:sns:*"}})
    assert lets_in(like, "sns.amazonaws.com", "sqs:SendMessage", TOPIC)
    assert not open_to_all(like, "sqs:SendMessage")
    assert open_to_all(policy(Principal="*", Action="*"), "sqs:SendMessage")
    assert not lets_in(ours.replace("Allow", "Deny"), "sns.amazonaws.com", "sqs:SendMessage", TOPIC)
    for broken in ("", "no JSON", "[]"):
        assert not lets_in(broken, "sns.amazonaws.com", "sqs:SendMessage")


def statement_for(service: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}},
    }
