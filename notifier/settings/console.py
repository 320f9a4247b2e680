"""Settings of the operators' console."""

import ipaddress
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from notifier.settings.database import DatabaseSettings
from notifier.settings.log import LogSettings

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class ConsoleSettings(LogSettings, DatabaseSettings):
    """What `notifier console` needs."""

    console_address: str = Field(default="127.0.0.1", description="Address that the console listens on")
    console_port: int = Field(default=8026, ge=0, le=65_535, description="Its port; 0: any that is free")
    console_url: str = Field(
        default="",
        description="Address that browsers use, as https://notifier.example.com; needed where the console does not "
        "listen on loopback",
    )
    console_idle_minutes: float = Field(default=60, gt=0, description="A session ends after so long without use")
    console_session_hours: float = Field(default=12, gt=0, description="A session ends so long after its login")

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the address that the console listens on."""
        return is_loopback(self.console_address)

    @property
    def https(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.console_url.startswith("https:")

    @property
    def hosts(self) -> list[str]:
        """The hosts that a request may be for. Others are refused: another site's name may lead here."""
        named = urlsplit(self.console_url).hostname
        return [*_LOOPBACK, *([named] if named else [])]

    @field_validator("console_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")):
            raise ValueError("must be the scheme and the host, as https://notifier.example.com")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("must begin with https: passwords and sessions would be readable on the way")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_named(self) -> "ConsoleSettings":
        if not self.loopback and not self.console_url:
            raise ValueError("NOTIFIER_CONSOLE_URL is needed where NOTIFIER_CONSOLE_ADDRESS is not loopback")
        return self


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in an address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
