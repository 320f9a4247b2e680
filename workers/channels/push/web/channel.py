"""The channel `webpush`: one encrypted POST for each browser, to the push service that its subscription names."""

import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import ClassVar

from notifier.channels import Capability
from notifier.doctor.finding import Finding, good
from notifier.errors import SettingsError
from notifier.messages import Message, Push, PushContent
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates
from workers.channels.push.content import rendered
from workers.channels.push.web.identity import Identity
from workers.channels.push.web.request import encrypted, headers_of, payload_of
from workers.channels.push.web.subscription import Subscription, address_of, subscription_of
from workers.channels.webhook.answers import outcome_of_answer, outcome_of_failure
from workers.channels.webhook.client import WebhookClient, WebhookResponse
from workers.channels.webhook.request import origin

CONCURRENCY = 64
_GONE = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))
_NOT_US = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))
_ADVICE = "check NOTIFIER_WEBPUSH_PRIVATE_KEY: the browser must have subscribed with its public key"


class WebPushChannel:
    """The channel `webpush`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = False
    request_type: ClassVar[type] = Push

    def __init__(self, settings: Settings) -> None:
        _need_libraries()
        lease = settings.send_lease_seconds
        self._allow_private = settings.webpush_allow_private
        self._identity = Identity(settings)
        self._client = WebhookClient(timeouts(lease), CONCURRENCY, allow_private=self._allow_private)
        self._pool = SendPool("webpush", lease, CONCURRENCY)

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise SettingsError if a library, the key or the contact is missing."""
        _need_libraries()
        Identity(settings)

    @staticmethod
    def address(to: str) -> str:
        return address_of(to)

    def rate(self) -> float | None:
        return None

    def render(self, request: Push, templates: Templates) -> PushContent:
        return rendered(request, templates)

    def send(self, messages: Sequence[Message[Push, PushContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one, receiver=_origin)

    def examine(self) -> Iterator[Finding]:
        """Yield for `notifier doctor` the key that browsers need. No push service is asked: there are many."""
        yield good(f"browsers subscribe to the channel webpush with the key {self._identity.public_key}")

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Push, PushContent]) -> Outcome:
        try:
            subscription = subscription_of(message.request.to, allow_http=self._allow_private)
            body = encrypted(payload_of(message), subscription)
            headers = headers_of(message, self._identity.authorization(origin(subscription.url)), time.time())
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error) or "the key of the subscription is no key")
        try:
            answer = self._client.post(subscription.url, headers, body)
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return outcome_of_failure(error, subscription.url, setting="NOTIFIER_WEBPUSH_ALLOW_PRIVATE")
        return _outcome(answer, subscription)


def _outcome(answer: WebhookResponse, subscription: Subscription) -> Outcome:
    """Return what an answer of a push service means. A subscription that has ended is suppressed.

    The URL that a push service gives the push is not kept as its id: who knows it can delete the push.
    """
    outcome = outcome_of_answer(answer, subscription.url)
    match outcome:
        case Accepted():
            return Accepted(None)
        case Rejected(reason) if answer.status in _GONE:
            return Rejected(f"{reason}; the browser has ended the subscription", gone=True)
        case Rejected(reason) if answer.status in _NOT_US:
            return NotSent(f"{reason}; {_ADVICE}")
    return outcome


def _origin(message: Message[Push, PushContent]) -> str:
    """Return the push service. Empty for an invalid subscription, whose message is rejected before a request."""
    try:
        return origin(subscription_of(message.request.to, allow_http=True).url)
    except (AttributeError, ValueError):
        return ""


def _need_libraries() -> None:
    try:
        import http_ece  # noqa: F401
        import jwt  # noqa: F401
    except ImportError:
        raise SettingsError(
            "the channel webpush needs http-ece and pyjwt: pip install 'dynamodb-notifier[push]'"
        ) from None
