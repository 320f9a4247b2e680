"""Whom an address means in an erasure."""

from notifier.channels import address_of, channel_names
from notifier.errors import UsageError
from notifier.outbox import Person

_SHORTEST = 5
"""Characters: what is shorter stands in the text of others too."""


def person_of(address: str, channel: str = "") -> Person:
    """Return who has this address on one channel, or on any that is installed. Raise UsageError if it is short."""
    if len(address.strip()) < _SHORTEST:
        raise UsageError(f"an address of less than {_SHORTEST} characters stands in the text of others, too")
    names = [channel] if channel else channel_names()
    return Person(address, names, [address_of(each, address) for each in names])
