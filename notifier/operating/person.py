"""Whom an address means in an erasure."""

from notifier.channels import address_of, channel_names
from notifier.outbox import Person


def person_of(address: str, channel: str = "") -> Person:
    """Return who has this address on one channel, or on any that is installed. Raise UsageError if it is short."""
    names = [channel] if channel else channel_names()
    return Person(address, names, [address_of(each, address) for each in names])
