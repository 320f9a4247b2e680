"""Checks of Redis."""

from collections.abc import Mapping
from typing import Any

from notifier.broker import Queue
from notifier.doctor.setup import Setup

PAGE = "docs/redis.md"


def queue(setup: Setup) -> Queue:
    """A Redis that answers. Raise SettingsError for a malformed URL."""
    made = Queue(setup.settings.broker_url.get_secret_value(), origin="notifier doctor")
    setup.at_end(made.close)
    return made


def info(setup: Setup) -> Mapping[str, Any]:
    """A Redis that answers. Raise BrokerError."""
    return setup.get(queue).info()
