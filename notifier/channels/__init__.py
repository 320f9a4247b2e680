"""Channels: the ways to reach a person. A package adds one through the entry-point group `notifier.channels`."""

from notifier.channels.contract import (
    GROUP,
    Capability,
    Channel,
    address_of,
    capability,
    channel_class,
    channel_names,
    check_channel,
    checked_address,
    load_channel,
    load_for_rendering,
    redirected,
    silence,
    spellings,
    substitute,
    warn_of_silence,
)

__all__ = [
    "GROUP",
    "Capability",
    "Channel",
    "address_of",
    "capability",
    "channel_class",
    "channel_names",
    "check_channel",
    "checked_address",
    "load_channel",
    "load_for_rendering",
    "redirected",
    "silence",
    "spellings",
    "substitute",
    "warn_of_silence",
]
