"""The secrets of the settings that sign webhooks."""

from pydantic import SecretStr

from notifier.errors import SettingsError
from notifier.settings import NEW_SIGNING_SECRET
from workers.channels.webhook.request import secrets_of


def signing_secrets(variable: str, value: SecretStr | None) -> tuple[bytes, ...]:
    """Return the secrets of the setting `variable`, empty if it is not set. Raise SettingsError if one is invalid."""
    try:
        return secrets_of(value.get_secret_value()) if value else ()
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}; make one: {NEW_SIGNING_SECRET}") from None


def needed_secrets(variable: str, value: SecretStr | None, purpose: str) -> tuple[bytes, ...]:
    """Return `signing_secrets`. Raise SettingsError also if there is none: `purpose` says what it is for."""
    if secrets := signing_secrets(variable, value):
        return secrets
    raise SettingsError(f"{variable} is not set: {purpose}. Make one: {NEW_SIGNING_SECRET}")
