"""The parameters of SendTextMessage for one SMS. Pure. What cannot be sent raises ValueError, without the number."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from notifier.settings import Settings
from workers.channels.sms.gateway import SmsMessage
from workers.channels.sms.phone_number import e164, number_of

LONGEST = 1600
"""Characters of a text that AWS End User Messaging takes."""
_MOST_PRICE = Decimal(100)
_STEP = Decimal("0.00001")
_IDENTITY = re.compile(r"[A-Za-z0-9_:/+-]{1,256}")


def common_parameters(settings: Settings) -> dict[str, Any]:
    """Return the parameters of every SMS, from the settings. Raise ValueError for a price that AWS does not take."""
    parameters: dict[str, Any] = {"MessageType": settings.sms_type.upper()}
    if identity := settings.sms_origination_identity or settings.sms_sender_id:
        parameters["OriginationIdentity"] = identity
    if settings.sms_configuration_set:
        parameters["ConfigurationSetName"] = settings.sms_configuration_set
    if settings.sms_ttl_seconds is not None:
        parameters["TimeToLive"] = settings.sms_ttl_seconds
    if settings.sms_max_price is not None:
        parameters["MaxPrice"] = _price(settings.sms_max_price)
    return parameters


def request_of(message: SmsMessage, text: str, common: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the parameters of one SMS. `region` is the country of numbers without a plus, as PT."""
    sms = message.request
    own = {"OriginationIdentity": _identity(sms.sender, region)} if sms.sender else {}
    return {
        **common,
        **own,
        "DestinationPhoneNumber": number_of(sms.to, region),
        "MessageBody": text,
        "Context": dict(message.tags),
    }


def _identity(sender: str, region: str) -> str:
    if _IDENTITY.fullmatch(sender):
        return sender
    try:
        return e164(sender, region)
    except ValueError:
        raise ValueError("the `sender` is no sender ID, number or ARN of your account") from None


def _price(price: Decimal) -> str:
    rounded = price.quantize(_STEP)
    if not 0 < rounded < _MOST_PRICE:
        raise ValueError("NOTIFIER_SMS_MAX_PRICE is not between 0.00001 and 99.99999 US dollars")
    return f"{rounded:f}"
