"""The channel against a server that behaves like ntfy, with its faults: run `pytest` in this folder."""

from collections.abc import Iterator

import pytest
from notifier_note import NoteChannel

from notifier.messages import Chat, Message
from notifier.settings import Settings
from notifier.testing import ChannelConformance, HttpProvider, HttpRequest


class NtfyServer(HttpProvider):
    def concerns(self, request: HttpRequest, message: Message[Chat, str]) -> bool:
        return request.path == f"/{message.request.to}"


class TestNote(ChannelConformance):
    templates = {"hello/note.txt": "Good day"}
    not_recipients = (*ChannelConformance.not_recipients, "a/b", "x" * 65)

    @pytest.fixture
    def provider(self) -> Iterator[NtfyServer]:
        with NtfyServer() as server:
            yield server

    def make_channel(self, provider: NtfyServer, settings: Settings) -> NoteChannel:
        return NoteChannel(settings, provider.url)

    def recipient(self, provider: NtfyServer, number: int) -> str:
        return f"topic-{number}"

    def request(self, to: str) -> Chat:
        return Chat(to, template="hello")

    def unrenderable(self, to: str) -> Chat:
        return Chat(to, template="no such template")
