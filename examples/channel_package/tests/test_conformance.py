"""The channel against a server that behaves like ntfy, with its faults: run `pytest` in this folder."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from notifier_ntfy import Push
from notifier_ntfy.channel import NtfyChannel, NtfySettings

from notifier.channels import load_channel
from notifier.messages import Message
from notifier.settings import Settings
from notifier.testing import ChannelConformance, HttpAnswer, HttpProvider, HttpRequest, channel_settings


class NtfyServer(HttpProvider):
    def concerns(self, request: HttpRequest, message: Message[Push, str]) -> bool:
        return bool(json.loads(request.body)["topic"] == message.request.to)

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        published: dict[str, Any] = json.loads(request.body)
        return HttpAnswer(200, json.dumps({"id": f"id-{published['topic']}", "event": "message"}).encode())


class TestNtfy(ChannelConformance):
    templates = {"hello/ntfy.txt": "Good day"}
    not_recipients = (*ChannelConformance.not_recipients, "a/b", "x" * 65)

    @pytest.fixture
    def provider(self) -> Iterator[NtfyServer]:
        with NtfyServer() as server:
            yield server

    def make_channel(self, provider: NtfyServer, settings: Settings) -> NtfyChannel:
        return NtfyChannel(settings, NtfySettings(url=provider.url))

    def recipient(self, provider: NtfyServer, number: int) -> str:
        return f"topic-{number}"

    def request(self, to: str) -> Push:
        return Push(to, "hello")

    def unrenderable(self, to: str) -> Push:
        return Push(to, "no such template")


def test_it_is_installed_as_the_channel_ntfy() -> None:
    channel = load_channel("ntfy", channel_settings())
    assert isinstance(channel, NtfyChannel)
    channel.close()
