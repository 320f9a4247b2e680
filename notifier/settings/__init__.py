"""Settings: environment variables with the prefix NOTIFIER_, read once and checked before anything starts."""

from notifier.settings.process import (
    DatabaseSettings,
    HealthSettings,
    RecipientSettings,
    RoleSettings,
    Settings,
    load_database_settings,
    load_recipient_settings,
    load_settings,
    read_settings,
    unknown_variables,
)

__all__ = [
    "DatabaseSettings",
    "HealthSettings",
    "RecipientSettings",
    "RoleSettings",
    "Settings",
    "load_database_settings",
    "load_recipient_settings",
    "load_settings",
    "read_settings",
    "unknown_variables",
]
