"""Tests for your routes, and for a channel of yours.

Routes: `event_of`, `run_route` and `render` need no server; the fixture `pipeline` runs the whole way on embedded
servers (`sandbox.testing`); docs/testing.md shows them. A channel: a conformance suite that every channel must pass,
and a provider for it on loopback; `ChannelConformance` has an example. This module needs pytest.
"""

import pytest

pytest.register_assert_rewrite("notifier.testing.conformance", "notifier.testing.truth")

from notifier.testing.conformance import ChannelConformance
from notifier.testing.events import event_of
from notifier.testing.http_provider import HttpAnswer, HttpProvider, HttpRequest
from notifier.testing.message import PlainMessage
from notifier.testing.provider import Behaviour, Provider, channel_settings
from notifier.testing.routing import NotClaimed, RouteRun, render, run_route

__all__ = [
    "Behaviour",
    "ChannelConformance",
    "HttpAnswer",
    "HttpProvider",
    "HttpRequest",
    "NotClaimed",
    "PlainMessage",
    "Provider",
    "RouteRun",
    "channel_settings",
    "event_of",
    "render",
    "run_route",
]
