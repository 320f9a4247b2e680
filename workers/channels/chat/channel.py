"""The channel `chat`: one POST to an incoming webhook for each text."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar

import httpx
import orjson

from notifier.channels import Capability
from notifier.errors import TemplateError
from notifier.messages import Chat, ChatContent, Message
from notifier.outcomes import Accepted, Outcome, Rejected
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.text import sound
from workers.channels.chat.services import posted, service_of
from workers.channels.webhook.answers import outcome_of_answer, outcome_of_failure
from workers.channels.webhook.client import WebhookClient, WebhookResponse
from workers.channels.webhook.request import endpoint, spelled

CONCURRENCY = 32
PER_CHAT = 1
"""Requests to one chat at once: they appear in the order in which they were made."""
PART = "chat.txt"
_HEADERS = {"Content-Type": "application/json", "User-Agent": "notifier"}
_GONE = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))


class ChatChannel:
    """The channel `chat`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = False
    request_type: ClassVar[type] = Chat

    def __init__(self, settings: Settings) -> None:
        lease = settings.send_lease_seconds
        self._allow_private = settings.chat_allow_private
        self._client = WebhookClient(timeouts(lease), CONCURRENCY, allow_private=self._allow_private)
        self._pool = SendPool("chat", lease, CONCURRENCY, per_receiver=PER_CHAT)

    @staticmethod
    def address(to: str) -> str:
        return spelled(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return str(endpoint(to, allow_http=True))

    def rate(self) -> float | None:
        return None

    def render(self, request: Chat, templates: Templates) -> ChatContent:
        if request.text is not None and request.template is None:
            return ChatContent(sound(request.text))
        if request.template is not None and request.text is None:
            return ChatContent(templates.text(request.template, PART, request.context, request.locale).strip())
        raise TemplateError("a Chat has either a text or a template")

    def send(self, messages: Sequence[Message[Chat, ChatContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one, receiver=_chat)

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Chat, ChatContent]) -> Outcome:
        try:
            url = endpoint(message.request.to, allow_http=self._allow_private)
            service = service_of(url)
            body = posted(service, message.content.text)
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        if service.query:
            url = url.copy_merge_params(dict([service.query.split("=")]))
        try:
            answer = self._client.post(url, _HEADERS, body)
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return outcome_of_failure(error, url, setting="NOTIFIER_CHAT_ALLOW_PRIVATE")
        return _outcome(answer, url)


def _outcome(answer: WebhookResponse, url: httpx.URL) -> Outcome:
    """Return what an answer means. A webhook that was deleted is suppressed."""
    outcome = outcome_of_answer(answer, url)
    match outcome:
        case Accepted():
            return Accepted(_id(answer.body))
        case Rejected(reason) if answer.status in _GONE:
            return Rejected(f"{reason}; the webhook was removed in the chat", gone=True)
    return outcome


def _id(body: str) -> str | None:
    """Return the message's id, which Discord gives; None from the others."""
    try:
        found = orjson.loads(body)["id"]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _chat(message: Message[Chat, ChatContent]) -> str:
    """Return the URL. Empty for an invalid one, whose message is rejected before a request."""
    try:
        return ChatChannel.checked_address(message.request.to)
    except (AttributeError, ValueError):
        return ""
