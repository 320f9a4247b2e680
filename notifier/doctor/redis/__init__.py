"""Checks of Redis."""

from collections.abc import Mapping
from typing import Any

from notifier.broker import Broker
from notifier.doctor.setup import Setup

PAGE = "docs/redis.md"


def broker(setup: Setup) -> Broker:
    """Return a client of the broker, not connected yet. Raise SettingsError for a malformed URL."""
    made = Broker(setup.settings.broker_url.get_secret_value(), origin="notifier doctor")
    setup.at_end(made.close)
    return made


def info(setup: Setup) -> Mapping[str, Any]:
    """Return what Redis says of itself. Raise BrokerError if it does not answer."""
    return setup.get(broker).info()


def need_info(setup: Setup) -> Mapping[str, Any]:
    """Return what Redis says of itself. Raise CheckEnded if none answers: the check `redis` says why."""
    return setup.need(info, "a Redis that answers")
