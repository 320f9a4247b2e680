"""The parameters of Publish for one SMS. Pure. What cannot be sent raises ValueError, without the number in it."""

import re
from collections.abc import Mapping
from typing import Any

from notifier.messages import Message, Sms, SmsContent
from notifier.settings import Settings
from notifier.text import sound
from workers.channels.sms.phone_number import e164

LONGEST = 1600
"""Characters of a text that SNS accepts in one Publish."""

_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_OWN_NUMBER = re.compile(r"\+?[0-9]{5,15}")

Attributes = Mapping[str, Mapping[str, str]]


def number_of(to: object, region: str = "") -> str:
    """Return the number in `to` in E.164. `region` is the country of numbers without a plus, as PT."""
    try:
        return e164(to, region)
    except ValueError as error:
        raise ValueError(f"the number in `to` {error}") from None


def sms_attributes(settings: Settings) -> Attributes:
    """Return the attributes of every SMS, from the settings. Raise ValueError for an invalid sender id."""
    attributes = {"AWS.SNS.SMS.SMSType": _text(settings.sms_type)}
    if settings.sms_max_price is not None:
        price = {"DataType": "Number", "StringValue": f"{settings.sms_max_price:f}"}
        attributes["AWS.SNS.SMS.MaxPrice"] = price
    if settings.sms_sender_id:
        attributes |= _sender(settings.sms_sender_id)
    return attributes


def publish_request(message: Message[Sms, SmsContent], attributes: Attributes, region: str = "") -> dict[str, Any]:
    sms, text = message.request, sound(message.content.text)
    if not text.strip():
        raise ValueError("the text is empty")
    if len(text) > LONGEST:
        raise ValueError(f"the text has {len(text)} characters; SNS takes {LONGEST}")
    own = _from(sms.sender, region) if sms.sender else {}
    return {"PhoneNumber": number_of(sms.to, region), "Message": text, "MessageAttributes": {**attributes, **own}}


def _from(sender: str, region: str) -> dict[str, dict[str, str]]:
    if _OWN_NUMBER.fullmatch(sender):
        return {"AWS.MM.SMS.OriginationNumber": _text(sender)}
    try:
        return _sender(sender)
    except ValueError as error:
        try:
            return {"AWS.MM.SMS.OriginationNumber": _text(e164(sender, region))}
        except ValueError:
            raise ValueError(f"the `sender` {error}") from None


def _sender(sender_id: str) -> dict[str, dict[str, str]]:
    if not _SENDER_ID.fullmatch(sender_id):
        raise ValueError("is not 1 to 11 letters and digits, with one letter at least")
    return {"AWS.SNS.SMS.SenderID": _text(sender_id)}


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
