"""For whoever writes a channel: the conformance suite that every channel passes, and a provider to try it against."""

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
