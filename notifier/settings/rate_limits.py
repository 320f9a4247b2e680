"""Settings of the limits for bounces and complaints, which feedback enforces and the console shows."""

from pydantic import Field

from notifier.settings.variables import Variables


class RateLimitSettings(Variables):
    """At which rates a channel is paused."""

    bounce_rate_limit: float = Field(
        default=0.04, gt=0, le=1, description="Share of hard bounces in 24 hours at which a channel is paused"
    )
    complaint_rate_limit: float = Field(
        default=0.0008, gt=0, le=1, description="Share of complaints in 24 hours at which a channel is paused"
    )
