"""Compares every outcome of a channel with what the provider did with its message."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from notifier.channels import Channel
from notifier.messages import Message
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled
from notifier.testing.provider import Provider

KNOWN_NOT_ACCEPTED = (NotSent, Throttled, Blocked, Offline, Late, Rejected)
LONGEST_REASON = 1000


def send(
    channel: Channel, provider: Provider, messages: Sequence[Message[Any, Any]], within: float | None = None
) -> list[Outcome]:
    """Send the messages and return their outcomes, within so many seconds.

    Asserts that the outcomes are true, that there was at most one request for a message, and that no reason names a
    recipient.
    """
    before = provider.requests()
    outcomes = _sent(channel, messages, within)
    assert provider.requests() - before <= len(messages), "more requests than messages"
    for message, outcome in zip(messages, outcomes, strict=True):
        _is_true(message, outcome, provider.accepted(message))
        _is_discreet(outcome, message.request.to, channel.address(message.request.to))
    return outcomes


def _sent(channel: Channel, messages: Sequence[Message[Any, Any]], within: float | None) -> list[Outcome]:
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(channel.send, messages).result(within)
    except TimeoutError:
        raise AssertionError(f"it is still sending after its lease of {within} seconds") from None
    finally:
        thread.shutdown(wait=False)


def _is_true(message: Message[Any, Any], outcome: Outcome, accepted: int) -> None:
    """Assert that the outcome is true. `Unknown` always is."""
    assert accepted <= 1, f"{message.notification_id} was accepted {accepted} times"
    if isinstance(outcome, Accepted):
        assert accepted == 1, f"{message.notification_id} was not accepted"
    if isinstance(outcome, KNOWN_NOT_ACCEPTED):
        assert accepted == 0, f"{message.notification_id} was accepted: {outcome}"


def _is_discreet(outcome: Outcome, *recipient: str) -> None:
    """Assert that the reason is one short line that does not name the recipient."""
    if isinstance(outcome, Accepted):
        return
    assert outcome.reason.isprintable(), outcome
    assert 0 < len(outcome.reason) <= LONGEST_REASON, outcome
    assert not [each for each in recipient if each.strip() and each in outcome.reason], outcome
