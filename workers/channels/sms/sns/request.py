"""The parameters of Publish for one SMS. Pure. What cannot be sent raises ValueError, without the number in it."""

import re
from collections.abc import Mapping
from typing import Any

from notifier.messages import Sms
from notifier.settings import Settings
from workers.channels.sms.phone_number import e164, number_of

LONGEST = 1600
"""Characters of a text that SNS accepts in one Publish."""

_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_OWN_NUMBER = re.compile(r"\+?[0-9]{5,15}")

Attributes = Mapping[str, Mapping[str, str]]


def sms_attributes(settings: Settings) -> Attributes:
    """Return the attributes of every SMS, from the settings. Raise ValueError for an invalid sender id."""
    attributes = {"AWS.SNS.SMS.SMSType": _text(settings.sms_type)}
    if settings.sms_max_price is not None:
        price = {"DataType": "Number", "StringValue": f"{settings.sms_max_price:f}"}
        attributes["AWS.SNS.SMS.MaxPrice"] = price
    if settings.sms_sender_id:
        attributes |= _sender(settings.sms_sender_id)
    return attributes


def publish_request(sms: Sms, text: str, attributes: Attributes, region: str = "") -> dict[str, Any]:
    """Return the parameters of one SMS. `region` is the country of numbers without a plus, as PT."""
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
