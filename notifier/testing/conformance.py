"""The conformance suite: the tests that every channel must pass, whatever it sends and to whom."""

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
"""Messages of the largest test: more than a channel sends at the same time."""
EXPECTED: Mapping[Behaviour, type[Outcome]] = {
    Behaviour.ACCEPT: Accepted,
    Behaviour.REFUSE: Rejected,
    Behaviour.THROTTLE: Throttled,
    Behaviour.CUT: Unknown,
}


class ChannelConformance:
    """The suite: subclass it in a module of tests, with a provider and five methods.

    It shows that a channel sends at most one request for a message, whatever the provider does; that its outcomes are
    true, complete and in order; that it raises nothing, keeps to its lease, is thread-safe, and names no recipient in
    a reason. `settings` have a lease only; `make_channel` adds what the channel needs.

    Example:
        class TestNtfy(ChannelConformance):
            @pytest.fixture
            def provider(self):
                with NtfyServer() as server:  # an HttpProvider, or any other Provider
                    yield server

            def make_channel(self, provider, settings):
                return NtfyChannel(settings, NtfySettings(url=provider.url))

            def recipient(self, provider, number):
                return f"topic-{number}"

            def request(self, to):
                return Push(to, "hello")

            def unrenderable(self, to):
                return Push(to, "no such template")
    """

    templates: ClassVar[Mapping[str, str]] = {}
    """The text of template files that `request` needs, by their path in the folder."""
    not_recipients: ClassVar[Sequence[str]] = ("", " ", "one\r\ntwo", "half\ud800")
    """Invalid recipients: no request may be sent for them. Add those of your channel."""
    lease_seconds: ClassVar[float] = 30.0
    short_lease_seconds: ClassVar[float] = 6.0
    """For the test with an answer that never comes, which waits for most of it."""

    @pytest.fixture
    def provider(self) -> Any:
        """Yield a `Provider` that listens. Override this fixture."""
        raise NotImplementedError("give your test class a fixture `provider`")

    def make_channel(self, provider: Any, settings: Settings) -> Channel:
        """Return a new channel that sends to the provider."""
        raise NotImplementedError

    def recipient(self, provider: Any, number: int) -> str:
        """Return the address of recipient 0, 1, 2, ..."""
        raise NotImplementedError

    def request(self, to: str) -> Any:
        """Return what a route returns, to this recipient."""
        raise NotImplementedError

    def unrenderable(self, to: str) -> Any:
        """Return a request whose content cannot be rendered."""
        raise NotImplementedError

    # The tests of the suite, and their fixtures.

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

    def test_capability_and_request_type_are_declared(self, channel: Channel, provider: Any) -> None:
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

    def test_rendering_sends_no_request_and_gives_the_same_twice(
        self, channel: Channel, provider: Any, folder: Templates
    ) -> None:
        request = self.request(self.recipient(provider, 0))
        assert channel.render(request, folder) == channel.render(request, folder)
        assert provider.requests() == 0

    def test_a_request_that_cannot_be_rendered_raises_a_template_error(
        self, channel: Channel, provider: Any, folder: Templates
    ) -> None:
        with pytest.raises(TemplateError):
            channel.render(self.unrenderable(self.recipient(provider, 0)), folder)

    def test_without_messages_no_request_is_sent(self, channel: Channel, provider: Any) -> None:
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
    def test_the_provider_treats_all_messages_the_same(
        self, behaviour: Behaviour, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        provider.behave(behaviour)
        three = messages(channel, 3)
        assert {type(each) for each in send(channel, provider, three)} == {EXPECTED[behaviour]}
        assert [provider.accepted(each) for each in three] == [int(behaviour is Behaviour.CUT)] * 3

    @pytest.mark.parametrize("behaviour", [Behaviour.REFUSE, Behaviour.THROTTLE, Behaviour.CUT])
    def test_the_provider_treats_one_message_differently(
        self, behaviour: Behaviour, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        seven = messages(channel, 7)
        provider.behave(behaviour, only=seven[4])
        outcomes = send(channel, provider, seven)
        assert type(outcomes.pop(4)) is EXPECTED[behaviour]
        # Messages in the same request as the one whose answer was lost are Unknown too.
        allowed = {Accepted, Unknown} if behaviour is Behaviour.CUT else {Accepted}
        assert {type(each) for each in outcomes} <= allowed

    def test_after_a_lost_answer_the_next_message_is_sent(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        provider.behave(Behaviour.CUT)
        send(channel, provider, messages(channel, 2))
        provider.behave(Behaviour.ACCEPT)
        (outcome,) = send(channel, provider, messages(channel, 1, first=2))
        assert isinstance(outcome, Accepted)

    def test_an_answer_that_never_comes_is_not_awaited_beyond_the_lease(
        self, make: Callable[[float], Channel], provider: Any, messages: MakeMessages
    ) -> None:
        channel = make(self.short_lease_seconds)
        send(channel, provider, messages(channel, 1))  # so that connections and credentials are ready
        provider.behave(Behaviour.HANG)
        many = messages(channel, MANY, first=1)
        outcomes = send(channel, provider, many, within=self.short_lease_seconds)
        assert Unknown in {type(each) for each in outcomes}
        assert {type(each) for each in outcomes} <= {Unknown, Late, NotSent, Offline}

    def test_no_request_starts_once_the_process_is_to_end_or_its_time_is_over(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        for over in ({"ends": lambda: True}, {"not_after": boottime() - 1}):
            before = provider.requests()
            outcomes = channel.send([replace(each, **over) for each in messages(channel, 3)])
            assert {type(each) for each in outcomes} == {Late}
            assert provider.requests() == before

    def test_a_provider_out_of_reach_is_known_not_to_have_accepted(
        self, make: Callable[[float], Channel], provider: Any, messages: MakeMessages
    ) -> None:
        provider.behave(Behaviour.UNREACHABLE)
        channel = make(self.lease_seconds)
        outcomes = send(channel, provider, messages(channel, 2))
        assert {type(each) for each in outcomes} <= {NotSent, Throttled, Blocked, Offline, Late}

    def test_an_invalid_recipient_is_rejected_and_does_not_affect_others(
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

    def test_invalid_messages_do_not_make_it_raise(self, channel: Channel, messages: MakeMessages) -> None:
        (good,) = messages(channel, 1)
        for nonsense in (Message(uuid4(), 1, good.request, None), Message(uuid4(), 1, None, good.content)):
            (outcome,) = channel.send([nonsense])
            assert isinstance(outcome, KNOWN_NOT_ACCEPTED)

    def test_several_threads_send_at_the_same_time(
        self, channel: Channel, provider: Any, messages: MakeMessages
    ) -> None:
        units = [messages(channel, 10, first=10 * unit) for unit in range(6)]
        together = threading.Barrier(len(units))

        def send_unit(unit: list[AnyMessage]) -> list[Outcome]:
            together.wait()
            return channel.send(unit)

        with ThreadPoolExecutor(len(units)) as threads:
            for unit, outcomes in zip(units, threads.map(send_unit, units), strict=True):
                assert {type(each) for each in outcomes} == {Accepted}
                assert [provider.accepted(each) for each in unit] == [1] * len(unit)

    def test_a_second_attempt_with_the_same_key_is_the_same_message(
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
