"""The channel `note`: posts a text to a topic of ntfy. The smallest channel that passes the conformance suite."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import httpx

from notifier.channels import Capability, Channel
from notifier.messages import Chat, Message
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates

REFUSED: dict[int, type[Any]] = {400: Rejected, 401: Blocked, 403: Blocked, 413: Rejected, 429: Throttled}


class NoteChannel(Channel):
    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Chat

    def __init__(self, settings: Settings, url: str = "https://ntfy.sh") -> None:
        self._client = httpx.Client(base_url=url, timeout=timeouts(settings.send_lease_seconds).answer)
        self._pool = SendPool("note", settings.send_lease_seconds)

    @staticmethod
    def address(to: str) -> str:
        return to.strip()

    def render(self, request: Chat, templates: Templates) -> str:
        return templates.text(request.template or "", "note.txt", request.context, request.locale)

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def close(self) -> None:
        self._pool.close()
        self._client.close()

    def _send_one(self, message: Message[Chat, str]) -> Outcome:
        topic = getattr(message.request, "to", "").strip()
        if not message.content or not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", topic):
            return Rejected("there is no text, or the topic is not 1 to 64 letters, digits, - and _")
        try:
            answer = self._client.post(f"/{topic}", content=message.content.encode())
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotSent(type(error).__name__)
        reason = f"ntfy answered {answer.status_code}"
        return Accepted(None) if answer.is_success else REFUSED.get(answer.status_code, Unknown)(reason)
