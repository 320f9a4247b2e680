"""Settings of the channels of pushes."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from notifier.settings.url import without_secret
from notifier.settings.variables import Variables


class PushSettings(Variables):
    """The services that bring pushes to devices and browsers."""

    fcm_project: str = Field(
        default="",
        pattern="^[a-z0-9-]{0,63}$",
        description="Firebase project of the channel `push`; empty: that of the credentials",
    )
    fcm_endpoint_url: str = Field(default="", description="Endpoint of FCM, for simulators")

    apns_key: SecretStr | None = Field(
        default=None,
        description="Key of the channel `apns`: AuthKey_*.p8 without its first and last line, as one line",
    )
    apns_key_id: str = Field(default="", pattern="^[A-Z0-9]{0,20}$", description="Id of that key, 10 characters")
    apns_team_id: str = Field(
        default="", pattern="^[A-Z0-9]{0,20}$", description="Id of the team in the developer account, 10 characters"
    )
    apns_topic: str = Field(
        default="",
        pattern="^[A-Za-z0-9.-]{0,255}$",
        description="Bundle id of the app that gets the pushes of `apns`; `Push(app=)` replaces it",
    )
    apns_environment: Literal["production", "sandbox"] = Field(
        default="production",
        description="`sandbox` for device tokens of apps that Xcode installed; those of TestFlight and the App Store "
        "belong to `production`",
    )
    apns_endpoint_url: str = Field(default="", description="Endpoint of APNs, for simulators")

    webpush_private_key: SecretStr | None = Field(
        default=None, description="Key that signs Web Pushes: of P-256, in PKCS #8 and base64"
    )
    webpush_subject: str = Field(
        default="",
        description="Contact for push services about Web Pushes: mailto:you@example.com, or a https:// page",
    )
    webpush_allow_private: bool = Field(
        default=False, description="true lets Web Pushes go to private addresses, and over plain http: for tests"
    )

    @field_validator("fcm_endpoint_url", "apns_endpoint_url")
    @classmethod
    def _is_an_endpoint(cls, value: str) -> str:
        return without_secret(value).rstrip("/") if value else value
