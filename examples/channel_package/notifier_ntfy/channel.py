"""The channel: one POST to ntfy for each push. https://docs.ntfy.sh/publish/#publish-as-json"""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from notifier.channels import Capability
from notifier.messages import Message
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown, discreet
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings, read_settings
from notifier.settings.variables import Variables
from notifier.templates import Templates
from notifier.text import one_line, trimmed
from notifier_ntfy.push import Push

_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_REFUSED: dict[int, type[Rejected | Blocked | Throttled]] = {
    400: Rejected,
    401: Blocked,
    403: Blocked,
    404: Blocked,
    413: Rejected,
    429: Throttled,
}
"""Statuses after which the push is known not to be accepted."""
_BEFORE_THE_REQUEST = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class NtfySettings(Variables):
    """The channel's own settings."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_NTFY_", env_ignore_empty=True, extra="ignore")

    url: HttpUrl = Field(default=HttpUrl("https://ntfy.sh"), description="Your ntfy server")
    token: SecretStr | None = Field(default=None, description="Access token, if topics are protected")


class NtfyChannel:
    """The channel `ntfy`. ntfy has no idempotency key and no events: after a lost answer the operator decides."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Push

    def __init__(self, settings: Settings, own: NtfySettings | None = None) -> None:
        own = own or read_settings(NtfySettings)
        connect, answer = timeouts(settings.send_lease_seconds)
        self._client = httpx.Client(
            base_url=str(own.url),
            headers={"Authorization": f"Bearer {own.token.get_secret_value()}"} if own.token else {},
            timeout=httpx.Timeout(answer, connect=connect),
        )
        self._pool = SendPool("ntfy", settings.send_lease_seconds)

    @staticmethod
    def address(to: str) -> str:
        return trimmed(to)

    def rate(self) -> float | None:
        return None

    def render(self, request: Push, templates: Templates) -> str:
        return templates.text(request.template, "ntfy.txt", request.context, request.locale)

    def send(self, messages: Sequence[Message[Push, str]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Push, str]) -> Outcome:
        try:
            push = _published(message)
        except (AttributeError, ValueError) as error:
            return Rejected(str(error))
        try:
            answer = self._client.post("/", json=push)
        except _BEFORE_THE_REQUEST as error:
            return NotSent(discreet(f"{type(error).__name__}: {error}"))
        except httpx.HTTPError as error:
            return Unknown(discreet(f"{type(error).__name__}: {error}"))
        return _outcome(answer, push["topic"])


def _published(message: Message[Push, str]) -> dict[str, Any]:
    """Return the body of the request. Raise ValueError without the topic: who knows the topic can read the pushes."""
    push = message.request
    topic = trimmed(push.to)
    if not _TOPIC.fullmatch(topic):
        raise ValueError("the topic in `to` is not 1 to 64 letters, digits, - and _")
    if not message.content:
        raise ValueError("the text is empty")
    return {
        "topic": topic,
        "message": message.content,
        "title": one_line(push.title or ""),
        "priority": push.priority,
    }


def _outcome(answer: httpx.Response, topic: str) -> Outcome:
    if answer.is_success:
        return Accepted(_id(answer))
    reason = discreet(f"{answer.status_code}: {answer.text[:200]}", topic)
    return _REFUSED.get(answer.status_code, Unknown)(reason)


def _id(answer: httpx.Response) -> str | None:
    """Return the id in an answer, None if it has none: the push was accepted in any case."""
    try:
        return str(answer.json()["id"])
    except (ValueError, LookupError, TypeError):
        return None
