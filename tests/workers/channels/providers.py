"""The providers of our channels, as the conformance suite needs them."""

import json
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen
from uuid import uuid4

from notifier.messages import Message, Sms, Webhook
from notifier.testing import Behaviour, HttpAnswer, HttpProvider, HttpRequest
from notifier.testing.http_provider import quoted
from sandbox.embedded.allocation import free_port
from sandbox.embedded.ses import SesServer

Fault = dict[str, Any]

FAULTS: dict[Behaviour, Fault] = {
    Behaviour.REFUSE: {"kind": "refuse", "message": "Invalid address: person2@example.com, person4@example.com"},
    Behaviour.THROTTLE: {"kind": "throttle"},
    Behaviour.HANG: {"kind": "accept_then_hang"},
    Behaviour.CUT: {"kind": "accept_then_cut"},
}


class SesProvider:
    """The simulator of SES."""

    def __init__(self, server: SesServer) -> None:
        self._server = server
        self.url = server.url
        self._ask("POST", "reset")

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        self._ask("DELETE", "faults")
        self.url = f"http://127.0.0.1:{free_port()}" if behaviour is Behaviour.UNREACHABLE else self._server.url
        if behaviour in FAULTS:
            match = {"nid": str(only.notification_id)} if only else {}
            self._ask("POST", "faults", [FAULTS[behaviour] | {"match": match}])

    def accepted(self, message: Message[Any, Any]) -> int:
        copies: int = self._server.get(f"/_sim/messages?nid={message.notification_id}")["copies"]
        return copies

    def requests(self) -> int:
        counted: int = self._server.get("/_sim/counts")["requests"]
        return counted

    def _ask(self, method: str, what: str, body: object = None) -> None:
        request = Request(f"{self._server.url}/_sim/{what}", json.dumps(body).encode(), method=method)
        urlopen(request, timeout=5).close()


class WebhookReceiver(HttpProvider):
    """Accepts requests with the same Idempotency-Key once."""

    def concerns(self, request: HttpRequest, message: Message[Webhook, Any]) -> bool:
        return request.headers["webhook-id"] == str(message.notification_id)

    def key(self, request: HttpRequest) -> str | None:
        return request.headers["idempotency-key"]


class SnsProvider(HttpProvider):
    """The operation Publish of SNS."""

    def concerns(self, request: HttpRequest, message: Message[Sms, Any]) -> bool:
        return parameters(request)["PhoneNumber"] == message.request.to

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        result = f"<PublishResult><MessageId>sns-{uuid4()}</MessageId></PublishResult>"
        return HttpAnswer(200, f"<PublishResponse>{result}</PublishResponse>".encode())

    def refuses(self, request: HttpRequest) -> HttpAnswer:
        number = parameters(request)["PhoneNumber"]
        return sns_error(400, "InvalidParameter", f"Invalid parameter: PhoneNumber Reason: {number} is not valid")

    def throttles(self, request: HttpRequest) -> HttpAnswer:
        return sns_error(400, "Throttling", quoted(request).decode().replace("&", " "))


def parameters(request: HttpRequest) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def sns_error(status: int, code: str, message: str = "") -> HttpAnswer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return HttpAnswer(status, f"<ErrorResponse>{error}</ErrorResponse>".encode())
