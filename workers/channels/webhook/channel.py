"""The channel `webhook`: one signed POST for each message, with the notification's id as its idempotency key."""

import time
from collections.abc import Sequence
from typing import ClassVar

from notifier.channels import Capability
from notifier.messages import Message, Webhook, WebhookContent
from notifier.outcomes import NotSent, Outcome, Rejected
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates
from workers.channels.webhook.answers import outcome_of_answer, outcome_of_failure
from workers.channels.webhook.client import WebhookClient
from workers.channels.webhook.request import endpoint, json_body, origin, secrets_of, signed_headers, spelled
from workers.channels.webhook.signing import needed_secrets, signing_secrets

CONCURRENCY = 64
"""Concurrent requests. Each costs this process about 1 ms, and then waits for the receiver."""
_SECRET = "NOTIFIER_WEBHOOK_SECRET"  # noqa: S105  the name of the setting


class WebhookChannel:
    """The channel `webhook`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.IDEMPOTENCY_KEY
    one_provider: ClassVar[bool] = False
    request_type: ClassVar[type] = Webhook

    def __init__(self, settings: Settings) -> None:
        lease = settings.send_lease_seconds
        self._allow_private = settings.webhook_allow_private
        self._secrets = signing_secrets(_SECRET, settings.webhook_secret)
        self._client = WebhookClient(timeouts(lease), CONCURRENCY, allow_private=self._allow_private)
        self._pool = SendPool("webhook", lease, CONCURRENCY, per_receiver=settings.webhook_per_host)

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise SettingsError if NOTIFIER_WEBHOOK_SECRET is missing: it signs each Webhook without a secret."""
        needed_secrets(_SECRET, settings.webhook_secret, "it signs each Webhook without a secret of its own")

    @staticmethod
    def address(to: str) -> str:
        return spelled(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return str(endpoint(to, allow_http=True))

    def rate(self) -> float | None:
        return None

    def render(self, request: Webhook, templates: Templates) -> WebhookContent:  # noqa: ARG002
        return WebhookContent(json_body(request.payload))

    def send(self, messages: Sequence[Message[Webhook, WebhookContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one, receiver=_receiver)

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Webhook, WebhookContent]) -> Outcome:
        webhook = message.request
        try:
            url = endpoint(webhook.to, allow_http=self._allow_private)
            secrets = self._secrets if webhook.secret is None else secrets_of(webhook.secret)
            if not secrets:
                return NotSent("there is no secret: set NOTIFIER_WEBHOOK_SECRET, or give the Webhook a secret")
            body = message.content.body
            headers = signed_headers(message.notification_id, body, int(time.time()), secrets, webhook.headers)
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        try:
            answer = self._client.post(url, headers, body)
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return outcome_of_failure(error, url)
        return outcome_of_answer(answer, url)


def _receiver(message: Message[Webhook, WebhookContent]) -> str:
    """Return scheme, host and port. Empty for an invalid URL, whose message is rejected before a request."""
    try:
        return origin(endpoint(message.request.to, allow_http=True))
    except (AttributeError, ValueError):
        return ""
