"""Whether the topic takes events from SES, and hands them to the queue as `notifier feedback` reads them."""

from collections.abc import Iterator
from typing import Any

from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.ses import PAGE
from notifier.doctor.ses.account import if_email
from notifier.doctor.ses.configuration_set import need_destinations, topic_of
from notifier.doctor.ses.policy import lets_in
from notifier.doctor.ses.queue import attributes
from notifier.doctor.setup import Setup

_WHERE = "SNS"
_ABSENT = frozenset(("NotFound", "NotFoundException"))
_REGION = 3
"""The place of the Region in an ARN."""


def check_topic(setup: Setup) -> Iterator[Finding]:
    """Follow the events from SES to the queue."""
    if_email(setup)
    if not setup.settings.ses_configuration_set or not setup.settings.feedback_queue_url:
        return
    topic = topic_of(need_destinations(setup))
    if topic is None:
        yield not_known("the way of the events to the queue: no event destination leads to a topic")
        return
    given = setup.settings.feedback_topic_arn
    if given and given != topic:
        yield wrong(
            f"SES's events go to the topic {topic}, and NOTIFIER_FEEDBACK_TOPIC_ARN is another one: all are refused",
            "set it to the topic of the event destination, or leave it empty and turn raw message delivery on",
            PAGE,
        )
    queue = str(setup.need(attributes, "the queue of the events")["QueueArn"])
    with opened(setup, "sns", topic.split(":")[_REGION]) as client:
        try:
            yield _policy(client, topic)
        except CheckEnded as ended:
            yield ended.finding
        yield from _subscription(client, topic, queue, signed=bool(given))


def subscription(found: Answer, *, signed: bool) -> Iterator[Finding]:
    """Yield whether a subscription has the form that is read: raw, or `signed` as SNS wraps it."""
    raw = str(found.get("RawMessageDelivery", "false")).lower() == "true"
    if found.get("FilterPolicy"):
        yield doubtful("the subscription has a filter policy: it may leave events out", "take it away", PAGE)
    if raw and signed:
        yield wrong(
            "the subscription delivers raw messages, and NOTIFIER_FEEDBACK_TOPIC_ARN takes signed ones only",
            "switch RawMessageDelivery off, or take NOTIFIER_FEEDBACK_TOPIC_ARN out",
            PAGE,
        )
    elif not raw and not signed:
        yield wrong(
            "the subscription wraps messages, and without NOTIFIER_FEEDBACK_TOPIC_ARN only raw ones are read",
            "set RawMessageDelivery=true on the subscription, or NOTIFIER_FEEDBACK_TOPIC_ARN",
            PAGE,
        )
    else:
        yield good(f"the queue has subscribed to the topic, with {'signed' if signed else 'raw'} messages")


def _policy(client: Any, topic: str) -> Finding:
    name = topic.rpartition(":")[2]
    answer = ask(_WHERE, "sns:GetTopicAttributes", client.get_topic_attributes, absent=_ABSENT, TopicArn=topic)
    if answer is None:
        raise CheckEnded(
            wrong(f"there is no topic {name}: SES's events are lost", "make it, and subscribe the queue to it", PAGE)
        )
    if lets_in(str(answer["Attributes"].get("Policy", "")), "ses.amazonaws.com", "sns:Publish"):
        return good(f"the topic {name} takes events from SES")
    return wrong(
        f"the policy of the topic {name} does not let SES publish: no events come",
        "allow sns:Publish to ses.amazonaws.com, with the condition AWS:SourceAccount",
        PAGE,
    )


def _subscription(client: Any, topic: str, queue: str, *, signed: bool) -> Iterator[Finding]:
    for each in _subscriptions(client, topic):
        if each.get("Protocol") == "sqs" and each.get("Endpoint") == queue:
            break
    else:
        yield wrong(
            f"the queue {queue.rpartition(':')[2]} has not subscribed to the topic {topic.rpartition(':')[2]}: "
            "no events come",
            f"aws sns subscribe --topic-arn {topic} --protocol sqs --notification-endpoint {queue} "
            "--attributes RawMessageDelivery=true",
            PAGE,
        )
        return
    arn = str(each["SubscriptionArn"])
    if not arn.startswith("arn:"):
        yield wrong(f"the subscription of the queue waits to be confirmed ({arn})", "subscribe it anew", PAGE)
        return
    right = "sns:GetSubscriptionAttributes"
    answer = ask(_WHERE, right, client.get_subscription_attributes, absent=_ABSENT, SubscriptionArn=arn)
    yield from subscription((answer or {}).get("Attributes", {}), signed=signed)


def _subscriptions(client: Any, topic: str) -> Iterator[Answer]:
    """Yield the topic's subscriptions, of all pages."""
    page: dict[str, str] = {"TopicArn": topic}
    while True:
        right = "sns:ListSubscriptionsByTopic"
        answer = ask(_WHERE, right, client.list_subscriptions_by_topic, absent=_ABSENT, **page) or {}
        yield from answer.get("Subscriptions", ())
        if not answer.get("NextToken"):
            return
        page["NextToken"] = answer["NextToken"]
