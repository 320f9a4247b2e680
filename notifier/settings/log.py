"""Settings of what a process logs."""

from typing import Literal

from pydantic import Field

from notifier.settings.variables import Variables


class LogSettings(Variables):
    """How a process logs."""

    log_format: Literal["console", "json"] = Field(default="console", description="console or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is logged"
    )
