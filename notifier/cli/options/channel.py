"""The name of a channel, as an argument or an option of a command."""

from typing import Annotated

import typer

from notifier.channels import channel_class

ChannelArgument = Annotated[str, typer.Argument(help="email, sms, webhook, ...")]
ChannelOption = Annotated[str, typer.Option("--channel", help="Only this channel.")]


def check_exists(name: str) -> None:
    """Raise SettingsError, which names the channels that exist, if none has this name."""
    channel_class(name)


def check_found(name: str, *, found: bool) -> None:
    """Raise SettingsError if nothing was found and no channel has this name.

    A channel that is no longer installed may still have notifications, so its name is an error only if
    nothing was found.
    """
    if name and not found:
        channel_class(name)
