"""Whether the queue takes messages of the topic, refuses all others, and keeps them long enough."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.ses import PAGE
from notifier.doctor.ses.account import if_email
from notifier.doctor.ses.configuration_set import need_destinations, topic_of
from notifier.doctor.ses.policy import lets_in, open_to_all
from notifier.doctor.setup import Setup

_WHERE = "SQS"
_RIGHT = "sqs:GetQueueAttributes"
_ABSENT = frozenset(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"))
_OF_AWS = re.compile(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_DAY = 24 * 60 * 60
_LEAST_DAYS = 4
_LEAST_RECEIVES = 100
_SEND = "sqs:SendMessage"


def attributes(setup: Setup) -> Answer:
    """Return the attributes of the queue in NOTIFIER_FEEDBACK_QUEUE_URL. Raise CheckEnded."""
    url = setup.settings.feedback_queue_url
    of_aws = _OF_AWS.fullmatch(urlsplit(url).hostname or "")
    with opened(setup, "sqs", of_aws[1] if of_aws else "") as client:
        names = {"QueueUrl": url, "AttributeNames": ["All"]}
        answer = ask(_WHERE, _RIGHT, client.get_queue_attributes, absent=_ABSENT, **names)
    if answer is None:
        remedy = "make the queue, or name the right one in NOTIFIER_FEEDBACK_QUEUE_URL"
        raise CheckEnded(wrong(f"there is no queue {url}: events of SES are lost", remedy, PAGE))
    found: Answer = answer["Attributes"]
    return found


def check_queue(setup: Setup) -> Iterator[Finding]:
    """Ask SQS about the queue."""
    if_email(setup)
    if not setup.settings.ses_configuration_set:
        return  # the configuration set is missing first, and that is said there
    if not setup.settings.feedback_queue_url:
        yield wrong(
            "NOTIFIER_FEEDBACK_QUEUE_URL is not set: `notifier feedback` does not start, and no outcome is settled",
            "make a queue for the topic of SES's events, and set its URL",
            PAGE,
        )
        return
    found = setup.get(attributes)
    try:
        topic = topic_of(need_destinations(setup))
    except CheckEnded:
        topic = None
    yield from access(found, topic, signed=bool(setup.settings.feedback_topic_arn))
    yield from keeping(found)


def access(found: Answer, topic: str | None, *, signed: bool) -> Iterator[Finding]:
    """Yield who may write to the queue. `signed`: only messages with SNS's signature are believed."""
    policy, name = str(found.get("Policy", "")), str(found["QueueArn"]).rpartition(":")[2]
    if open_to_all(policy, _SEND):
        judged = doubtful if signed else wrong
        yield judged(
            f"everyone may write to the queue {name}{'' if signed else ', and can settle outcomes'}",
            "allow only sns.amazonaws.com, with the condition aws:SourceArn of the topic",
            PAGE,
        )
    elif topic is None:
        yield not_known(f"whether the queue {name} takes the events: it is not known which topic they go to")
    elif not lets_in(policy, "sns.amazonaws.com", _SEND, topic):
        yield wrong(
            f"the policy of the queue {name} does not let the topic {topic.rpartition(':')[2]} send: no events come",
            "allow sqs:SendMessage to sns.amazonaws.com, with the condition aws:SourceArn of the topic",
            PAGE,
        )
    else:
        yield good(f"the queue {name} takes messages of the topic {topic.rpartition(':')[2]}, and of no other sender")
    if found.get("KmsMasterKeyId") in ("alias/aws/sqs", "aws/sqs"):
        yield wrong(
            f"the queue {name} is encrypted with the key of SQS, which SNS may not use: no events come",
            "take SSE-SQS, or a key of your own whose policy allows sns.amazonaws.com",
            PAGE,
        )


def keeping(found: Answer) -> Iterator[Finding]:
    """Yield how long the queue keeps messages, and whether it gives them up before."""
    days = int(found.get("MessageRetentionPeriod", _LEAST_DAYS * _DAY)) / _DAY
    if days < _LEAST_DAYS:
        yield doubtful(
            f"the queue keeps messages for {days:.1f} days: events are lost if `notifier feedback` stands longer",
            "set MessageRetentionPeriod to 1209600, which is 14 days",
            PAGE,
        )
    else:
        yield good(f"the queue keeps messages for {days:.0f} days")
    redrive = _json(found.get("RedrivePolicy"))
    receives = int(redrive.get("maxReceiveCount") or 0)
    if receives and receives < _LEAST_RECEIVES:
        dead = str(redrive.get("deadLetterTargetArn", "")).rpartition(":")[2]
        yield doubtful(
            f"after {receives} receives the queue moves a message to {dead}: good events go there while Postgres is "
            "down",
            f"take the redrive policy away, or set maxReceiveCount to {_LEAST_RECEIVES} or more",
            PAGE,
        )
    else:
        yield good("the queue gives up no message early")


def _json(text: object) -> dict[str, Any]:
    try:
        found = json.loads(str(text or "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
