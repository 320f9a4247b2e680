"""Settings of the links by which recipients unsubscribe, and of the process that answers them."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from notifier.settings.database import DatabaseSettings
from notifier.settings.log import LogSettings
from notifier.settings.recipients import RecipientSettings
from notifier.settings.url import is_loopback, without_secret
from notifier.settings.variables import QUOTED, Variables

SHORTEST_KEY = 32
"""Characters."""


class UnsubscribeSettings(Variables):
    """What makes the links: for workers, `notifier preferences` and `notifier doctor`."""

    unsubscribe_url: str = Field(
        default="",
        max_length=90,  # so that with the longest token it fits into a header of SES
        description="Where recipients unsubscribe, as https://mail.example.com/u: the address of `notifier "
        "preferences`, or of a page of yours: docs/unsubscribe.md",
    )
    unsubscribe_keys: SecretStr = Field(
        default=SecretStr(""),
        description=f"Secret of those links, {SHORTEST_KEY} characters at least (openssl rand -hex 32); several, "
        "separated by commas, the newest first, if you rotate them. A link stops working when its key is removed",
    )

    @field_validator("unsubscribe_url")
    @classmethod
    def _is_a_page(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (not parts.hostname or parts.query or parts.fragment or not value.isascii()):
            raise ValueError("must be an address without ? and #, as https://mail.example.com/u")
        if value and parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError("must begin with https: mail providers follow no other (RFC 8058)")
        return without_secret(value).rstrip("/") if value else value

    @field_validator("unsubscribe_keys")
    @classmethod
    def _are_long(cls, value: SecretStr) -> SecretStr:
        if any(len(key) < SHORTEST_KEY for key in keys_of(value)):
            raise ValueError(f"each key must have {SHORTEST_KEY} characters at least: openssl rand -hex 32")
        return value


class PreferencesSettings(UnsubscribeSettings, RecipientSettings, LogSettings, DatabaseSettings):
    """What `notifier preferences` needs."""

    preferences_address: str = Field(
        default="127.0.0.1", description="Address that `notifier preferences` listens on; 0.0.0.0 in a container"
    )
    preferences_port: int = Field(default=8027, ge=0, le=65_535, description="Its port; 0: any that is free")
    preferences_secret: SecretStr | None = Field(
        default=None,
        description="Lets your own programs read and change opt-outs at /api/preferences, as a bearer token; "
        "default: no program may",
        json_schema_extra=QUOTED,
    )
    topics: str = Field(
        default="",
        description="File with the topics that recipients can choose from, and their names, in TOML; default: the "
        "page shows the topic of its link only",
    )

    @field_validator("preferences_secret")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"must have {SHORTEST_KEY} characters at least: openssl rand -hex 32")
        return value


def keys_of(setting: SecretStr) -> list[str]:
    """Return the keys of NOTIFIER_UNSUBSCRIBE_KEYS, the newest first."""
    return [each for part in setting.get_secret_value().split(",") if (each := part.strip())]
