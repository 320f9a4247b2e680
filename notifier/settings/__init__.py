"""Settings: environment variables with the prefix NOTIFIER_, read once and checked before anything starts.

Example:
    settings = load_settings()
    settings.unit_size  # NOTIFIER_UNIT_SIZE, or its default
"""

from notifier.settings.console import ConsoleSettings, ConsoleUserSettings
from notifier.settings.database import DatabaseSettings, HealthSettings, RoleSettings
from notifier.settings.loading import (
    load_database_settings,
    load_recipient_settings,
    load_settings,
    read_settings,
    unknown_variables,
)
from notifier.settings.log import LogSettings
from notifier.settings.process import NEW_SIGNING_SECRET, Settings, default
from notifier.settings.recipients import RecipientSettings
from notifier.settings.restrictions import RestrictionSettings
from notifier.settings.routing import RoutingSettings
from notifier.settings.unsubscribe import PreferencesSettings, UnsubscribeSettings

__all__ = [
    "NEW_SIGNING_SECRET",
    "ConsoleSettings",
    "ConsoleUserSettings",
    "DatabaseSettings",
    "HealthSettings",
    "LogSettings",
    "PreferencesSettings",
    "RecipientSettings",
    "RestrictionSettings",
    "RoleSettings",
    "RoutingSettings",
    "Settings",
    "UnsubscribeSettings",
    "default",
    "load_database_settings",
    "load_recipient_settings",
    "load_settings",
    "read_settings",
    "unknown_variables",
]
