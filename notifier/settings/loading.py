"""Reads settings from the environment, and finds variables that are none."""

import os
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from notifier.errors import SettingsError
from notifier.settings.console import ConsoleSettings
from notifier.settings.database import DatabaseSettings, RoleSettings
from notifier.settings.process import Settings
from notifier.settings.recipients import RecipientSettings
from notifier.settings.unsubscribe import PreferencesSettings
from notifier.settings.variables import explained, unknown
from notifier.text import encodes

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


@cache
def load_settings() -> Settings:
    """Return the settings of this process. Raise SettingsError that names each wrong variable."""
    return read_settings(Settings)


@cache
def load_database_settings() -> DatabaseSettings:
    """Return the settings of a command that reads the database; no other has to be set. Raise SettingsError."""
    return read_settings(DatabaseSettings)


@cache
def load_recipient_settings() -> RecipientSettings:
    """Return the settings that say how recipients are written. Raise SettingsError."""
    return read_settings(RecipientSettings)


def read_settings(kind: type[SettingsT]) -> SettingsT:
    """Return settings of that kind, also of another package's. Raise SettingsError that names each wrong variable.

    The values are read from the environment at each call.
    """
    prefix = kind.model_config["env_prefix"]
    if garbled := [name for name, value in os.environ.items() if name.startswith(prefix) and not encodes(value)]:
        raise SettingsError(f"{', '.join(garbled)}: not in UTF-8")
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError(explained(error, kind)) from None


def unknown_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that begin with NOTIFIER_ and are no setting, each with one line that says so."""
    names = {
        name for kind in (Settings, RoleSettings, ConsoleSettings, PreferencesSettings) for name in kind.model_fields
    }
    lines = {}
    for given, near in unknown(environment, (f"NOTIFIER_{name.upper()}" for name in names)):
        meant = f"did you mean {near}?" if near else "docs/settings.md lists all that are"
        lines[given] = f"{given} is not a setting and changes nothing: {meant}"
    return lines
