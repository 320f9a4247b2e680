"""Messages of other channels than email in the inbox: SMS, and what `sandbox.inbox` sends.

SMS come through the APIs of SNS and of AWS End User Messaging.
"""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from simulators.http.messages import Request
from simulators.http.replies import Response, json_response
from simulators.ses import sns_api
from simulators.ses.errors import bad_request
from simulators.ses.events.delivery_results import DeliveryResult
from simulators.ses.fields import need
from simulators.ses.inbox.mailbox import Mailbox
from simulators.ses.mail import Content, Envelope, Receipt
from simulators.shared.fields import Json, decode, take, take_all

LONGEST_SMS = 1600
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_SENDERS = ("AWS.SNS.SMS.SenderID", "AWS.MM.SMS.OriginationNumber")


def is_text_message(request: Request) -> bool:
    """Return whether a request is for AWS End User Messaging."""
    return (request.header("x-amz-target") or "").endswith(".SendTextMessage")


class OtherChannels:
    """Adds messages of other channels than email to the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def publish(self, request: Request) -> Response:
        """Simulate the action `Publish` of SNS for a phone number. Every valid number is accepted."""
        asked = sns_api.asked(request)
        number, text = asked.get("PhoneNumber", ""), asked.get("Message", "")
        if asked.get("Action") != "Publish" or "PhoneNumber" not in asked:
            return sns_api.error("InvalidAction", "Only Publish to a PhoneNumber is simulated.")
        if not _NUMBER.fullmatch(number):
            return sns_api.error("InvalidParameter", "Invalid parameter: PhoneNumber is not valid")
        if not text or len(text) > LONGEST_SMS:
            return sns_api.error("InvalidParameter", "Invalid parameter: Message is empty or too long")
        sender = _attributes(asked)
        id_ = self._add("sms", number, text, sender=next(filter(None, map(sender.get, _SENDERS)), ""))
        return sns_api.answer("Publish", f"<MessageId>{id_}</MessageId>")

    def send_text(self, request: Request) -> Response:
        """Simulate the operation `SendTextMessage` of AWS End User Messaging. It sends no events."""
        body = decode(request.body)
        number, text = take(body, "DestinationPhoneNumber", str) or "", take(body, "MessageBody", str) or ""
        if not _NUMBER.fullmatch(number) or not text.strip() or len(text) > LONGEST_SMS:
            reason = "INVALID_PARAMETER"
            return json_response({"__type": "ValidationException", "Message": reason, "Reason": reason}, 400)
        context = take(body, "Context", dict) or {}
        tags = tuple((name, str(context[name])) for name in ("nid", "att") if name in context)
        sender = take(body, "OriginationIdentity", str) or ""
        return json_response({"MessageId": self._add("sms", number, text, sender=sender, tags=tags)})

    def add_message(self, request: Request) -> Response:
        """Add a message of any channel to the inbox: `sandbox.inbox` sends those of channels without a simulator."""
        body = decode(request.body)
        tags = tuple((name, value) for name in ("nid", "att") if (value := take(body, name, str)))
        id_ = self._add(
            need(body, "channel", str),
            need(body, "to", str),
            take(body, "text", str) or "",
            subject=take(body, "subject", str) or "",
            result=take(body, "fate", str) or DeliveryResult.DELIVERED,
            tags=(*tags, *_pairs(body, "request")),
            headers=_pairs(body, "headers"),
        )
        return json_response({"id": id_})

    def _add(self, channel: str, to: str, text: str, *, result: str = DeliveryResult.DELIVERED, **more: Any) -> str:
        given: dict[str, Any] = {"sender": "", "subject": "", "headers": (), "tags": ()} | more
        envelope = Envelope(
            operation=channel,
            to=(to,),
            cc=(),
            bcc=(),
            reply_to=(),
            configuration_set=None,
            templated=False,
            failure=None,
            **given,
        )
        id_ = str(uuid.uuid4())
        self._mailbox.add(Receipt(id_, time.time(), envelope), Content(text, None), result, channel)
        return id_


def _pairs(body: Json, name: str) -> tuple[tuple[str, str], ...]:
    found = take_all(body, name, list)
    for pair in found:
        match pair:
            case [str(), str()]:
                pass
            case _:
                raise bad_request(f"{name} is a list of pairs of texts.")
    return tuple((pair[0], pair[1]) for pair in found)


def _attributes(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of the message, from the members MessageAttributes.entry.1.Name and so on."""
    names = {name.removesuffix(".Name"): value for name, value in asked.items() if name.endswith(".Name")}
    return {value: asked.get(f"{entry}.Value.StringValue", "") for entry, value in names.items()}
