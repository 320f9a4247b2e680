"""Tests for a channel of yours: a conformance suite that every channel must pass, and a provider for it on loopback.

`ChannelConformance` has an example. This module needs pytest.
"""

import pytest

pytest.register_assert_rewrite("notifier.testing.conformance", "notifier.testing.truth")

from notifier.testing.conformance import ChannelConformance
from notifier.testing.http_provider import HttpAnswer, HttpProvider, HttpRequest
from notifier.testing.provider import Behaviour, Provider, channel_settings

__all__ = [
    "Behaviour",
    "ChannelConformance",
    "HttpAnswer",
    "HttpProvider",
    "HttpRequest",
    "Provider",
    "channel_settings",
]
