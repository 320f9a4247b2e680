"""The SNS topic of the events: what SNS says of it and of its one subscription, the queue of `--queue-url`."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from simulators.http.messages import Request
from simulators.http.replies import Reply, Response
from simulators.ses import sns_api
from simulators.ses.account.account import Account
from simulators.ses.faults import operation_fault
from simulators.shared.faults import Plan

_ACTIONS = ("GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes")


class Topic:
    """Answers requests to the SNS API about the topic. Without a queue there is no topic.

    `raw`: events come as they are, without SNS's envelope.
    """

    def __init__(self, account: Account, queue_url: str | None, plan: Plan, *, raw: bool) -> None:
        self._account = account
        self._queue = "" if queue_url is None else _arn(queue_url, account)
        self._plan = plan
        self._raw = raw

    def answer(self, request: Request) -> "Reply | None":
        """Return the answer, None if the request is none about a topic or a subscription."""
        asked = sns_api.asked(request)
        action = asked.get("Action", "")
        if action not in _ACTIONS:
            return None
        rule = operation_fault(self._plan, action)
        if rule is not None and rule.kind == "refuse":  # the API of SNS writes its errors in XML
            return sns_api.error(rule.options["code"], rule.options["message"], rule.options["status"] or 400)
        return self._plan.faults.apply(rule, lambda: self._described(action, asked))

    def _described(self, action: str, asked: Mapping[str, str]) -> Response:
        if not self._queue or asked.get("TopicArn", self._account.topic) != self._account.topic:
            return sns_api.error("NotFound", "Topic does not exist", 404)
        if action == "GetTopicAttributes":
            return sns_api.answer(
                action, sns_api.entries({"TopicArn": self._account.topic, "Policy": self._policy()})
            )
        if action == "ListSubscriptionsByTopic":
            return sns_api.answer(action, f"<Subscriptions><member>{self._member()}</member></Subscriptions>")
        if asked.get("SubscriptionArn") != self._subscription:
            return sns_api.error("NotFound", "Subscription does not exist", 404)
        return sns_api.answer(action, sns_api.entries({"RawMessageDelivery": str(self._raw).lower()}))

    @property
    def _subscription(self) -> str:
        return f"{self._account.topic}:00000000-0000-0000-0000-000000000000"

    def _member(self) -> str:
        fields = {
            "TopicArn": self._account.topic,
            "Protocol": "sqs",
            "SubscriptionArn": self._subscription,
            "Owner": self._account.account_id,
            "Endpoint": self._queue,
        }
        return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())

    def _policy(self) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "ses.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": self._account.topic,
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _arn(url: str, account: Account) -> str:
    """Return the ARN of a queue, by its URL, which ends with account and name."""
    owner, name = urlsplit(url).path.rstrip("/").split("/")[-2:]
    return f"arn:aws:sqs:{account.region}:{owner or account.account_id}:{name}"
