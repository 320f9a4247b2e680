"""The providers of our channels, as the conformance suite needs them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs
from urllib.request import Request, urlopen
from uuid import uuid4

from notifier.messages import Chat, Message, Push, Sms, Webhook
from notifier.testing import Behaviour, HttpAnswer, HttpProvider, HttpRequest
from notifier.testing.http_provider import quoted
from sandbox.embedded.allocation import free_port
from sandbox.embedded.ses import SesServer
from simulators.push import PushFault, PushSimulator
from simulators.push.apns import ApnsFault, ApnsSimulator
from simulators.smtp import Fault as SmtpFault
from simulators.smtp import SmtpSimulator

Fault = dict[str, Any]
Server = TypeVar("Server", PushSimulator, ApnsSimulator)

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


SMTP_FAULTS: dict[Behaviour, SmtpFault] = {
    Behaviour.REFUSE: SmtpFault("CONTENT", "550 5.7.1 <person2@example.com>, person4@example.com are not wanted"),
    Behaviour.THROTTLE: SmtpFault("CONTENT", "450 4.7.1 too many mails for person2@example.com"),
    Behaviour.HANG: SmtpFault("CONTENT", then="accept_then_hang"),
    Behaviour.CUT: SmtpFault("CONTENT", then="accept_then_cut"),
}


class SmtpProvider:
    """The simulator of an SMTP server."""

    def __init__(self, server: SmtpSimulator) -> None:
        self.server = server
        self.port = server.port

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        self.port = free_port() if behaviour is Behaviour.UNREACHABLE else self.server.port
        fault = SMTP_FAULTS.get(behaviour)
        contains = str(only.notification_id) if only else ""
        self.server.faults = [replace(fault, contains=contains)] if fault else []

    def accepted(self, message: Message[Any, Any]) -> int:
        return sum(str(message.notification_id).encode() in each.data for each in self.server.mails)

    def requests(self) -> int:
        return self.server.contents


PUSH_FAULTS: dict[Behaviour, PushFault] = {
    Behaviour.REFUSE: PushFault(400, "INVALID_ARGUMENT"),
    Behaviour.THROTTLE: PushFault(429, "QUOTA_EXCEEDED"),
    Behaviour.HANG: PushFault(then="accept_then_hang"),
    Behaviour.CUT: PushFault(then="accept_then_cut"),
}


class PushProvider(Generic[Server]):
    """A simulator of pushes, with its `faults`."""

    faults: Mapping[Behaviour, Any]

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.url

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        self.url = f"http://127.0.0.1:{free_port()}" if behaviour is Behaviour.UNREACHABLE else self.server.url
        fault = self.faults.get(behaviour)
        contains = str(only.notification_id) if only else ""
        self.server.faults = [replace(fault, contains=contains)] if fault else []

    def requests(self) -> int:
        return self.server.requests


class FcmProvider(PushProvider[PushSimulator]):
    """The simulator of FCM."""

    faults = PUSH_FAULTS

    def accepted(self, message: Message[Any, Any]) -> int:
        id_ = str(message.notification_id)
        return sum(each.body["message"]["data"]["notification_id"] == id_ for each in self.server.pushes)


APNS_FAULTS: dict[Behaviour, ApnsFault] = {
    Behaviour.REFUSE: ApnsFault(400, "BadDeviceToken"),
    Behaviour.THROTTLE: ApnsFault(429, "TooManyProviderTokenUpdates"),
    Behaviour.HANG: ApnsFault(then="accept_then_hang"),
    Behaviour.CUT: ApnsFault(then="accept_then_cut"),
}


class ApnsProvider(PushProvider[ApnsSimulator]):
    """The simulator of APNs."""

    faults = APNS_FAULTS

    def accepted(self, message: Message[Any, Any]) -> int:
        return sum(each.headers["apns-id"] == str(message.notification_id) for each in self.server.pushes)


class PushService(HttpProvider):
    """The push service of browsers."""

    def concerns(self, request: HttpRequest, message: Message[Push, Any]) -> bool:
        return f'{request.path}"' in message.request.to

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(201, b"", {"Location": f"{self.url}/message/1"})


class ChatServer(HttpProvider):
    """The incoming webhooks of a chat with Slack's format, one for each person."""

    def concerns(self, request: HttpRequest, message: Message[Chat, Any]) -> bool:
        return message.request.to.endswith(request.path)

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, b"ok")


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


class TextProvider(HttpProvider):
    """The operation SendTextMessage of AWS End User Messaging."""

    def concerns(self, request: HttpRequest, message: Message[Sms, Any]) -> bool:
        return bool(json.loads(request.body)["Context"]["nid"] == str(message.notification_id))

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        assert request.headers["x-amz-target"] == "PinpointSMSVoiceV2.SendTextMessage"
        return HttpAnswer(200, json.dumps({"MessageId": str(uuid4())}).encode())

    def refuses(self, request: HttpRequest) -> HttpAnswer:
        number = json.loads(request.body)["DestinationPhoneNumber"]
        return text_error(400, "ValidationException", f"{number} is no number", Reason="INVALID_PARAMETER")

    def throttles(self, request: HttpRequest) -> HttpAnswer:
        return text_error(400, "ThrottlingException", quoted(request).decode())


def text_error(status: int, code: str, message: str = "", **more: Any) -> HttpAnswer:
    return HttpAnswer(status, json.dumps({"__type": code, "Message": message, **more}).encode())


def parameters(request: HttpRequest) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def sns_error(status: int, code: str, message: str = "") -> HttpAnswer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return HttpAnswer(status, f"<ErrorResponse>{error}</ErrorResponse>".encode())
