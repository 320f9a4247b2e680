"""The channel `push`: one request to FCM for each device."""

import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

import httpx

from notifier.channels import Capability
from notifier.doctor.finding import Finding, good, wrong
from notifier.errors import SettingsError
from notifier.messages import Message, Push, PushContent
from notifier.outcomes import Blocked, Late, Offline, Outcome, Rejected, Unknown, discreet
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.text import trimmed
from workers.channels.push.content import rendered
from workers.channels.push.fcm.answers import outcome_of_answer
from workers.channels.push.fcm.credentials import Credentials
from workers.channels.push.fcm.request import body_of, token_of
from workers.channels.webhook.answers import BEFORE_THE_REQUEST
from workers.channels.webhook.client import WebhookClient

CONCURRENCY = 64
"""Concurrent requests."""
ENDPOINT = "https://fcm.googleapis.com"
_PAGE = "docs/push.md"
_GATE = "FCM's access token was refused; check GOOGLE_APPLICATION_CREDENTIALS"


class FcmChannel:
    """The channel `push`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Push

    def __init__(self, settings: Settings) -> None:
        limits = timeouts(settings.send_lease_seconds)
        self._credentials = Credentials(limits.answer / 2)
        project = settings.fcm_project or self._credentials.project
        if not project:
            raise SettingsError("NOTIFIER_FCM_PROJECT is not set, and the credentials of Google name no project")
        endpoint = settings.fcm_endpoint_url or ENDPOINT
        self._url = httpx.URL(f"{endpoint}/v1/projects/{project}/messages:send")
        # No event names this host, and a private network may have an address of its own for Google's services.
        self._client = WebhookClient(limits, CONCURRENCY, allow_private=True)
        self._pool = SendPool("push", settings.send_lease_seconds, CONCURRENCY)

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise SettingsError if google-auth, the credentials or the project are missing."""
        FcmChannel(settings).close()

    @staticmethod
    def address(to: str) -> str:
        return trimmed(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return token_of(to)

    def rate(self) -> float | None:
        return None

    def render(self, request: Push, templates: Templates) -> PushContent:
        return rendered(request, templates)

    def send(self, messages: Sequence[Message[Push, PushContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def examine(self) -> Iterator[Finding]:
        """Yield for `notifier doctor` whether Google gives us a token. Sends nothing."""
        outcome = self._token()
        if isinstance(outcome, str):
            yield good("Google gives an access token for FCM")
        else:
            yield wrong(f"Google gives no access token for FCM: {getattr(outcome, 'reason', '')}", "", _PAGE)

    def close(self) -> None:
        self._pool.close()
        self._client.close()
        self._credentials.close()

    def _send_one(self, message: Message[Push, PushContent]) -> Outcome:
        try:
            token, body = token_of(message.request.to), body_of(message, time.time())
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        access = self._token()
        if not isinstance(access, str):
            return access
        if reason := message.late():  # the token may have taken long
            return Late(reason)
        headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}
        try:
            answer = self._client.post(self._url, headers, body)
        except BEFORE_THE_REQUEST as error:
            return Offline(discreet(f"FCM: {type(error).__name__}: {error}", token))
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return Unknown(discreet(f"{type(error).__name__}: {error}", token, access))
        return outcome_of_answer(answer, token)

    def _token(self) -> str | Outcome:
        """Return an access token, or the outcome of a message for which there is none: nothing was sent."""
        from google.auth.exceptions import TransportError

        try:
            return self._credentials.token()
        except TransportError as error:
            return Offline(f"Google's service for access tokens cannot be reached: {discreet(str(error))}")
        except Exception as error:  # noqa: BLE001  its text may hold a part of the key
            return Blocked(f"{_GATE} ({type(error).__name__})")
