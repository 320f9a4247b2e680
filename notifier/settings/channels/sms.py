"""Settings of the channel `sms`."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from notifier.settings.variables import Variables


class SmsSettings(Variables):
    """The provider of SMS, and what every SMS has."""

    sms_provider: Literal["sns", "end-user-messaging"] = Field(
        default="sns",
        description="Service of AWS that sends SMS: end-user-messaging reports what became of each, sns does not",
    )
    sms_configuration_set: str = Field(
        default="",
        pattern="^[A-Za-z0-9_:/-]{0,256}$",
        description="Configuration set of AWS End User Messaging whose events settle SMS",
    )
    sms_origination_identity: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_:/+-]{0,256}$",
        description="What AWS End User Messaging sends from: a pool, a number or a sender ID, by id or ARN",
    )
    sms_ttl_seconds: int | None = Field(
        default=None,
        ge=5,
        le=259_200,
        description="How long AWS End User Messaging tries to hand an SMS to the carrier; 72 hours without it",
    )
    sms_max_segments: int | None = Field(
        default=None, ge=1, le=24, description="Most segments of one SMS; a longer text fails. Each one is paid for"
    )
    sms_sender_id: str = Field(
        default="", pattern="^[A-Za-z0-9-]{0,11}$", description="Sender name of an SMS, in countries that show one"
    )
    sms_type: Literal["Transactional", "Promotional"] = Field(
        default="Transactional", description="Transactional: AWS prefers reliable delivery; Promotional: low cost"
    )
    sms_max_price: Decimal | None = Field(default=None, gt=0, description="Most US dollars that one SMS may cost")
    sms_per_second: float | None = Field(
        default=None,
        gt=0,
        description="SMS a second that AWS allows the account: set it, because AWS does not report it",
    )
