"""Settings that say how recipients are written."""

from pydantic import Field, SecretStr

from notifier.settings.variables import Variables


class RecipientSettings(Variables):
    """How recipients are written: for workers, and for commands that take an address."""

    sms_region: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country of phone numbers without a country code, as PT; without it such numbers are refused",
    )
    erasure_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of the hashes that keep the suppressions of people who are erased (`notifier erase`); "
        "for workers, the console and operators; several, separated by commas, the newest first, if you rotate them: "
        "docs/people.md",
    )
