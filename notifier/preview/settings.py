"""The settings of a preview and of a replay. These send nothing, so settings for sending may be missing."""

from pydantic import SecretStr, ValidationError

from notifier.errors import SettingsError
from notifier.settings import Settings
from notifier.settings.variables import explained

NO_SENDER = "not-set@notifier.invalid"
"""The sender of the channel where NOTIFIER_SENDER is not set."""
_REGION = "us-east-1"
_DATABASE = SecretStr("postgresql://not-used@localhost/not-used")
_BROKER = SecretStr("redis://localhost/0")


def preview_settings() -> Settings:
    """Return the settings of the environment, with placeholders for servers. Raise SettingsError."""
    try:
        found = Settings(database_url=_DATABASE, broker_url=_BROKER)
    except ValidationError as error:
        raise SettingsError(explained(error, Settings)) from None
    placeholders = {"sender": found.sender or NO_SENDER, "aws_region": found.aws_region or _REGION}
    return found.model_copy(update=placeholders)
