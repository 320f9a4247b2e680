"""Settings of the operators' console."""

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from notifier.errors import SettingsError
from notifier.settings.database import DatabaseSettings
from notifier.settings.log import LogSettings
from notifier.settings.rate_limits import RateLimitSettings
from notifier.settings.restrictions import RestrictionSettings
from notifier.settings.routing import RoutingSettings
from notifier.settings.url import POSTGRES, Url, is_loopback, without_secret
from notifier.settings.variables import QUOTED, Variables

_HEADER = "^[A-Za-z0-9-]+$"
_ROLES = ("viewer", "operator", "admin")


class ConsoleUserSettings(Variables):
    """What `notifier console-user` needs."""

    console_users: str = Field(
        default="",
        description="File with the users of the console, which `notifier console-user` writes: names, roles and "
        "hashes of passwords",
    )


class ConsoleSettings(
    ConsoleUserSettings, LogSettings, RateLimitSettings, RoutingSettings, RestrictionSettings, DatabaseSettings
):
    """What `notifier console` needs."""

    console_address: str = Field(default="127.0.0.1", description="Address that the console listens on")
    console_port: int = Field(default=8026, ge=0, le=65_535, description="Its port; 0: any that is free")
    console_erasure_url: SecretStr | None = Field(
        default=None,
        description="Postgres as NOTIFIER_DATABASE_URL, with a login that has the role notifier_operator: with it "
        "admins erase people in the console. Default: only `notifier erase` does, unless the console's own login may",
    )
    console_url: str = Field(
        default="",
        description="Address that browsers use, as https://notifier.example.com; needed where the console does not "
        "listen on loopback",
    )
    console_oidc_issuer: str = Field(
        default="", description="Issuer of single sign-on by OpenID Connect, as https://login.example.com"
    )
    console_oidc_client_id: str = Field(default="", description="The console's id there")
    console_oidc_client_secret: SecretStr | None = Field(
        default=None, description="The console's secret there", json_schema_extra=QUOTED
    )
    console_oidc_scope: str = Field(default="openid profile email", description="What the console asks for there")
    console_oidc_claim: str = Field(
        default="groups", description="The claim that has the person's groups, for NOTIFIER_CONSOLE_ROLES"
    )
    console_roles: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="Roles of groups, for single sign-on and a proxy: support=viewer,oncall=operator,platform=admin; "
        "* stands for every user whom they let in",
    )
    console_proxy_address: str = Field(
        default="",
        description="Address or network of a proxy whose headers name the user; nothing else may have that address. "
        "Default: these headers are ignored",
    )
    console_proxy_user_header: str = Field(
        default="X-Forwarded-User", pattern=_HEADER, description="The proxy's header with the person's name"
    )
    console_proxy_groups_header: str = Field(
        default="X-Forwarded-Groups", pattern=_HEADER, description="The proxy's header with their groups, by commas"
    )
    console_idle_minutes: float = Field(default=60, gt=0, description="A session ends after so long without use")
    console_pages_per_second: float = Field(
        default=1,
        ge=0,
        description="Pages that one user gets; 20 seconds' worth at once, then further ones wait. 0: no limit",
    )
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
    def has_access(self) -> bool:
        """Whether it is configured who may sign in."""
        return bool(self.console_users or self.console_oidc_issuer or self.console_proxy_address)

    def is_host(self, host: str) -> bool:
        """Return whether a request may be for this host, without a port. Another site's name may lead here too."""
        return is_loopback(host) or host == urlsplit(self.console_url).hostname

    @field_validator("console_erasure_url")
    @classmethod
    def _is_postgres_too(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        Url.of(value.get_secret_value(), POSTGRES)
        return value

    @field_validator("console_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")):
            raise ValueError("must be the scheme and the host, as https://notifier.example.com")
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("must begin with https: passwords and sessions would be readable on the way")
        return value.rstrip("/")

    @field_validator("console_oidc_issuer")
    @classmethod
    def _is_an_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ValueError("must begin with https: on the way, another could read the login and sign in")
        return without_secret(value).rstrip("/") if value else value

    @field_validator("console_roles", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [each.rpartition("=") for each in value.split(",") if each.strip()]
        if not all(sign and group.strip() and role.strip() in _ROLES for group, sign, role in pairs):
            raise ValueError("must be pairs as support=viewer,oncall=operator; roles are viewer, operator and admin")
        return {group.strip(): role.strip() for group, _, role in pairs}

    @field_validator("console_proxy_address")
    @classmethod
    def _is_a_network(cls, value: str) -> str:
        if value:
            try:
                network = ipaddress.ip_network(value, strict=False)
            except ValueError:
                raise ValueError("must be an address or a network, as 10.0.0.5 or 10.0.0.0/28") from None
            if network.prefixlen == 0:
                raise ValueError("must not be every address: every visitor could claim any name")
        return value

    def checked(self) -> Self:
        """Return itself. Raise SettingsError for settings that do not go together."""
        if self.console_oidc_issuer and not (self.console_oidc_client_id and self.console_url):
            raise SettingsError("single sign-on needs NOTIFIER_CONSOLE_OIDC_CLIENT_ID and NOTIFIER_CONSOLE_URL")
        if (self.console_oidc_issuer or self.console_proxy_address) and not self.console_roles:
            raise SettingsError("NOTIFIER_CONSOLE_ROLES is not set: which groups may do what, as oncall=operator")
        if not self.loopback and not self.has_access:
            raise SettingsError(
                f"NOTIFIER_CONSOLE_ADDRESS={self.console_address} is not loopback, and visitors would need no login: "
                "set NOTIFIER_CONSOLE_USERS, NOTIFIER_CONSOLE_OIDC_ISSUER or NOTIFIER_CONSOLE_PROXY_ADDRESS "
                "(docs/console.md)"
            )
        if not self.loopback and not self.console_url:
            raise SettingsError(
                "NOTIFIER_CONSOLE_URL is not set: the address that browsers use, as https://notifier.example.com; it "
                "is needed where NOTIFIER_CONSOLE_ADDRESS is not loopback"
            )
        return self
