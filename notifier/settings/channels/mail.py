"""Settings of all channels of mails."""

from pydantic import Field

from notifier.settings.variables import Variables


class MailSettings(Variables):
    """What mails need beside their provider."""

    attachment_memory_mb: int = Field(
        default=64,
        ge=1,
        description="MB of attachments that a worker process holds at once, or those of one mail; to send them "
        "takes about three times as much",
    )
