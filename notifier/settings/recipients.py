"""Settings that say how recipients are written."""

from pydantic import Field

from notifier.settings.variables import Variables


class RecipientSettings(Variables):
    """How recipients are written: for workers, and for commands that take an address."""

    sms_region: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country of phone numbers without a country code, as PT; without it such numbers are refused",
    )
