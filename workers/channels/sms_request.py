"""The parameters of Publish for one SMS. Pure. What cannot be sent as it is raises ValueError, without the number."""

import re
from collections.abc import Mapping
from typing import Any

from notifier.messages import Message, Sms, SmsContent
from notifier.settings import Settings
from notifier.text import sound

LONGEST = 1600
"""Characters that SNS takes in one Publish."""

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_BETWEEN = str.maketrans("", "", " \u00a0.-")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_OWN_NUMBER = re.compile(r"\+?[0-9]{5,15}")

Attributes = Mapping[str, Mapping[str, str]]


def number_of(to: object) -> str:
    """`+351 912-345-678` as E.164 has it: +351912345678. Whether it is somebody's is the provider's to say."""
    number = to.translate(_BETWEEN) if isinstance(to, str) else ""
    if not number.isascii() or not _NUMBER.fullmatch(number):
        raise ValueError("the number in `to` is not in E.164: a plus, the country, the number")
    return number


def sms_attributes(settings: Settings) -> Attributes:
    """What every SMS carries. Raises ValueError for a sender id that no SMS may have."""
    attributes = {"AWS.SNS.SMS.SMSType": _text(settings.sms_type)}
    if settings.sms_max_price is not None:
        price = {"DataType": "Number", "StringValue": f"{settings.sms_max_price:f}"}
        attributes["AWS.SNS.SMS.MaxPrice"] = price
    if settings.sms_sender_id:
        attributes |= _sender(settings.sms_sender_id)
    return attributes


def publish_request(message: Message[Sms, SmsContent], attributes: Attributes) -> dict[str, Any]:
    sms, text = message.request, sound(message.content.text)
    if not text.strip():
        raise ValueError("the text is empty")
    if len(text) > LONGEST:
        raise ValueError(f"the text has {len(text)} characters; SNS takes {LONGEST}")
    own = _from(sms.sender) if sms.sender else {}
    return {"PhoneNumber": number_of(sms.to), "Message": text, "MessageAttributes": {**attributes, **own}}


def _from(sender: str) -> dict[str, dict[str, str]]:
    if _OWN_NUMBER.fullmatch(sender):
        return {"AWS.MM.SMS.OriginationNumber": _text(sender)}
    try:
        return _sender(sender)
    except ValueError as error:
        raise ValueError(f"the `sender` {error}") from None


def _sender(sender_id: str) -> dict[str, dict[str, str]]:
    if not _SENDER_ID.fullmatch(sender_id):
        raise ValueError("is not 1 to 11 letters and digits, with one letter at least")
    return {"AWS.SNS.SMS.SenderID": _text(sender_id)}


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
