"""What every channel must keep, whatever it sends and to whom. Subclass it in a module of tests:

class TestMine(ChannelConformance):
    @pytest.fixture
    def provider(self): ...                                  # a Provider, listening
    def make_channel(self, provider, settings): ...          # your channel, with it at the other end
    def recipient(self, provider, number): ...               # the address of recipient 0, 1, 2, ...
    def request(self, to): ...                               # what a route returns
    def unrenderable(self, to): ...                          # the same, with a content that cannot be made
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from notifier.channels import Capability, Channel
from notifier.errors import TemplateError
from notifier.messages import Message
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.process.clock import boottime
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.testing.provider import Behaviour, channel_settings
from notifier.testing.truth import KNOWN_NOT_ACCEPTED, send

AnyMessage = Message[Any, Any]
MakeMessages = Callable[..., list[AnyMessage]]

MANY = 150
"""More than any channel should send side by side."""
EXPECTED: Mapping[Behaviour, type[Outcome]] = {
    Behaviour.ACCEPT: Accepted,
    Behaviour.REFUSE: Rejected,
    Behaviour.THROTTLE: Throttled,
    Behaviour.CUT: Unknown,
}


class ChannelConformance:
    """The suite. Its settings hold nothing but a lease; `make_channel` adds what the channel needs."""

    templates: ClassVar[Mapping[str, str]] = {}
    """Template files that `request` needs, by their path in the folder."""
    not_recipients: ClassVar[Sequence[str]] = ("", " ", "one\r\ntwo", "half\ud800")
    """What a route may give as a recipient by mistake, and no provider may ever see."""
    lease_seconds: ClassVar[float] = 30.0
    short_lease_seconds: ClassVar[float] = 6.0
    """For the one test that waits for an answer that never comes: a channel needs most of it."""

    @pytest.fixture
    def provider(self) -> Any:
        raise NotImplementedError("give your test class a fixture `provider`")

    def make_channel(self, provider: Any, settings: Settings) -> Channel:
        raise NotImplementedError

    def recipient(self, provider: Any, number: int) -> str:
        raise NotImplementedError

    def request(self, to: str) -> Any:
        raise NotImplementedError

    def unrenderable(self, to: str) -> Any:
        raise NotImplementedError

    # From here on: the suite.

    @pytest.fixture
    def made(self) -> Iterator[list[Channel]]:
        """The channels of a test, closed after it."""
        channels: list[Channel] = []
        yield channels
        for channel in channels:
            channel.close()

    @pytest.fixture
    def make(self, provider: Any, made: list[Channel]) -> Callable[[float], Channel]:
        def make(lease: float) -> Channel:
            made.append(self.make_channel(provider, channel_settings(send_lease_seconds=lease)))
            return made[-1]

        return make

    @pytest.fixture
    def channel(self, make: Callable[[float], Channel]) -> Channel:
        return make(self.lease_seconds)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Templates:
        for path, text in self.templates.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, "utf-8")
        return Templates(tmp_path)

    @pytest.fixture
    def messages(self, provider: Any, folder: Templates) -> MakeMessages:
        def make(channel: Channel, number: int, first: int = 0) -> list[AnyMessage]:
            requests = [self.request(self.recipient(provider, first + each)) for each in range(number)]
            return [Message(uuid4(), 1, each, channel.render(each, folder)) for each in requests]

        return make

    def test_it_says_what_it_is(self, channel: Channel, provider: Any) -> None:
        to = self.recipient(provider, 0)
        assert isinstance(channel.capability, Capability)
        assert isinstance(self.request(to), channel.request_type)
        assert self.request(to).to == to

    def test_an_address_is_the_same_for_two_spellings_and_never_raises(self, channel: Channel, provider: Any) -> None:
        to = self.recipient(provider, 0)
        address = channel.address(to)
        assert channel.address(f" {to} ") == channel.address(address) == address
        assert channel.address(self.recipient(provider, 1)) != address
        for odd in self.not_recipients:
            assert channel.address(odd) == channel.address(odd)
        assert provider.requests() == 0

    def test_a_rate_is_a_number_of_recipients_or_none(self, channel: Channel) -> None:
        rate = channel.rate()
        assert rate is None or rate > 0

    def test_rendering_asks_nobody_and_gives_the_same_twice(
        self, channel: Channel, provider: Any, folder: Templates
    ) -> None:
        request = self.request(self.recipient(provider, 0))
        assert channel.render(request, folder) == channel.render(request, folder)
        assert provider.requests() == 0

    def test_what_cannot_be_rendered_is_a_template_error(
        self, channel: Channel, provider: Any, folder: Templates
    ) -> None:
        with pytest.raises(TemplateError):
            channel.render(self.unrenderable(self.recipient(provider, 0)), folder)

    def test_no_message_no_request(self, channel: Channel, provider: Any) -> None:
        assert channel.send([]) == []
        assert provider.requests() == 0

    def test_many_messages_are_accepted_once_each(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        many = messages(channel, MANY)
        outcomes = send(channel, provider, many)
        assert {type(each) for each in outcomes} == {Accepted}
        ids = [each.message_id for each in outcomes if isinstance(each, Accepted) and each.message_id]
        assert len(set(ids)) == len(ids)

    @pytest.mark.parametrize("behaviour", [Behaviour.REFUSE, Behaviour.THROTTLE, Behaviour.CUT])
    def test_what_the_provider_does_to_all(
        self, behaviour: Behaviour, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        provider.behave(behaviour)
        three = messages(channel, 3)
        assert {type(each) for each in send(channel, provider, three)} == {EXPECTED[behaviour]}
        assert [provider.accepted(each) for each in three] == [int(behaviour is Behaviour.CUT)] * 3

    @pytest.mark.parametrize("behaviour", [Behaviour.REFUSE, Behaviour.THROTTLE, Behaviour.CUT])
    def test_what_the_provider_does_to_one_is_said_of_that_one(
        self, behaviour: Behaviour, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        seven = messages(channel, 7)
        provider.behave(behaviour, only=seven[4])
        outcomes = send(channel, provider, seven)
        assert type(outcomes.pop(4)) is EXPECTED[behaviour]
        # Those that share a request with one whose answer was lost have lost theirs.
        allowed = {Accepted, Unknown} if behaviour is Behaviour.CUT else {Accepted}
        assert {type(each) for each in outcomes} <= allowed

    def test_after_a_lost_answer_it_goes_on(self, channel: Channel, provider: Any, messages: MakeMessages) -> None:
        provider.behave(Behaviour.CUT)
        send(channel, provider, messages(channel, 2))
        provider.behave(Behaviour.ACCEPT)
        (outcome,) = send(channel, provider, messages(channel, 1, first=2))
        assert isinstance(outcome, Accepted)

    def test_an_answer_that_never_comes_is_not_waited_for_beyond_the_lease(
        self, make: Callable[[float], Channel], provider: Any, messages: MakeMessages
    ) -> None:
        channel = make(self.short_lease_seconds)
        send(channel, provider, messages(channel, 1))  # it has what it needs by now
        provider.behave(Behaviour.HANG)
        many = messages(channel, MANY, first=1)
        outcomes = send(channel, provider, many, within=self.short_lease_seconds)
        assert Unknown in {type(each) for each in outcomes}
        assert {type(each) for each in outcomes} <= {Unknown, Late, NotSent}

    def test_no_request_starts_once_the_process_is_to_end_or_its_time_is_over(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        for over in ({"ends": lambda: True}, {"not_after": boottime() - 1}):
            before = provider.requests()
            outcomes = channel.send([replace(each, **over) for each in messages(channel, 3)])
            assert {type(each) for each in outcomes} == {Late}
            assert provider.requests() == before

    def test_a_provider_out_of_reach_has_got_nothing(
        self, make: Callable[[float], Channel], provider: Any, messages: MakeMessages
    ) -> None:
        provider.behave(Behaviour.UNREACHABLE)
        channel = make(self.lease_seconds)
        outcomes = send(channel, provider, messages(channel, 2))
        assert {type(each) for each in outcomes} <= {NotSent, Throttled, Blocked, Offline, Late}

    def test_what_is_no_recipient_never_leaves_and_spoils_nothing(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        good = messages(channel, 2)
        for wrong in self.not_recipients:
            before = provider.requests()
            bad = Message(uuid4(), 1, self.request(wrong), good[0].content)
            outcomes = send(channel, provider, [bad])
            assert isinstance(outcomes[0], Rejected), wrong
            assert provider.requests() == before
        bad = Message(uuid4(), 1, self.request(""), good[0].content)
        first, middle, last = send(channel, provider, [good[0], bad, good[1]])
        assert (type(first), type(middle), type(last)) == (Accepted, Rejected, Accepted)

    def test_nonsense_does_not_make_it_raise(self, channel: Channel, messages: MakeMessages) -> None:
        (good,) = messages(channel, 1)
        for nonsense in (Message(uuid4(), 1, good.request, None), Message(uuid4(), 1, None, good.content)):
            (outcome,) = channel.send([nonsense])
            assert isinstance(outcome, KNOWN_NOT_ACCEPTED)

    def test_threads_share_it(self, channel: Channel, provider: Any, messages: MakeMessages) -> None:
        units = [messages(channel, 10, first=10 * unit) for unit in range(6)]
        together = threading.Barrier(len(units))

        def send_unit(unit: list[AnyMessage]) -> list[Outcome]:
            together.wait()
            return channel.send(unit)

        with ThreadPoolExecutor(len(units)) as threads:
            for unit, outcomes in zip(units, threads.map(send_unit, units), strict=True):
                assert {type(each) for each in outcomes} == {Accepted}
                assert [provider.accepted(each) for each in unit] == [1] * len(unit)

    def test_a_key_makes_the_second_attempt_the_same_message(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        if channel.capability is not Capability.IDEMPOTENCY_KEY:
            pytest.skip("the provider knows no key")
        (first,) = messages(channel, 1)
        provider.behave(Behaviour.CUT)
        send(channel, provider, [first])
        provider.behave(Behaviour.ACCEPT)
        (outcome,) = channel.send([Message(first.notification_id, 2, first.request, first.content)])
        assert isinstance(outcome, Accepted)
        assert (provider.requests(), provider.accepted(first)) == (2, 1)
