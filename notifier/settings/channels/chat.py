"""Settings of the channel `chat`."""

from pydantic import Field

from notifier.settings.variables import Variables


class ChatSettings(Variables):
    """Where texts for chats may go."""

    chat_allow_private: bool = Field(
        default=False,
        description="true lets texts for chats go to private addresses and over plain http: for your own server",
    )
