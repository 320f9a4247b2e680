"""Settings that keep messages from people while a set-up is tried."""

import re
from typing import Annotated

from pydantic import AwareDatetime, Field, field_validator
from pydantic_settings import NoDecode

from notifier.settings.variables import Variables

MAIL = "email"
"""The channel whose address in NOTIFIER_REDIRECT_TO is that of all channels that send mails."""
_CHANNEL = re.compile(r"[a-z][a-z0-9_-]*")


class RestrictionSettings(Variables):
    """What is not sent, and to whom nothing is sent: docs/adopting.md."""

    shadow: bool = Field(
        default=False, description="true: every message is built, and none is sent; deliveries end `shadowed`"
    )
    shadow_until: AwareDatetime | None = Field(
        default=None,
        description="Messages of events from before this time are built and not sent, as 2026-01-31T00:00:00Z; those "
        "of later events are sent",
    )
    shadow_from: AwareDatetime | None = Field(
        default=None,
        description="Messages of events from this time on are built and not sent: for going back",
    )
    only_to: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="The only recipients, as *@example.com,+3519*, with * for any characters; deliveries to others "
        "end `skipped`",
    )
    redirect_to: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="Who gets all messages instead of their recipients: an email address, or one for each channel, "
        "as email=team@example.com,sms=+351912345678; deliveries on other channels end `skipped`",
    )

    @field_validator("only_to", mode="before")
    @classmethod
    def _split_patterns(cls, value: object) -> object:
        return tuple(_parts(value)) if isinstance(value, str) else value

    @field_validator("redirect_to", mode="before")
    @classmethod
    def _split_channels(cls, value: object) -> object:
        """An entry without the name of a channel is an email address."""
        if not isinstance(value, str):
            return value
        targets: dict[str, str] = {}
        for part in _parts(value):
            name, separator, address = part.partition("=")
            named = bool(separator) and _CHANNEL.fullmatch(name.strip()) is not None
            channel, target = (name.strip(), address.strip()) if named else (MAIL, part)
            if not target or channel in targets:
                raise ValueError(f"must name one address for {channel}")
            targets[channel] = target
        return targets


def _parts(value: str) -> list[str]:
    """Return the parts between commas. Raise ValueError if there is none: no restriction is not meant."""
    parts = [each.strip() for each in value.split(",") if each.strip()]
    if value and not parts:
        raise ValueError("must name a recipient")
    return parts
