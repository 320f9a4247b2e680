"""A machine is suspended during an attempt: its lease goes on, and `time.monotonic` does not."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from bridge.stream.held_shards import HeldShards
from notifier.messages import Message, Webhook, WebhookContent
from notifier.notifications import Status
from notifier.outcomes import Accepted, Late
from notifier.process.clock import boottime
from notifier.send_pool import SendPool
from tests.workers.test_deliverer import Environment, env

__all__ = ["env"]

pytestmark = pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no CLOCK_BOOTTIME")

Suspend = Callable[[], None]


@pytest.fixture
def suspend(monkeypatch: pytest.MonkeyPatch) -> Suspend:
    """Move the boot-time clock on by an hour, as a suspension does; `time.monotonic` stays."""
    slept = [0.0]
    asked = time.clock_gettime
    monkeypatch.setattr(
        time, "clock_gettime", lambda clock: asked(clock) + (slept[0] if clock == time.CLOCK_BOOTTIME else 0.0)
    )

    def suspend() -> None:
        slept[0] += 3600.0

    return suspend


def test_the_clock_of_leases_counts_what_monotonic_does_not(suspend: Suspend) -> None:
    before, monotonic = boottime(), time.monotonic()
    suspend()
    assert boottime() - before >= 3600
    assert time.monotonic() - monotonic < 600


@pytest.mark.parametrize(("owner", "method"), [("attempts", "begin"), ("channel", "_make")])
def test_no_request_leaves_after_the_machine_was_suspended(
    env: Environment, suspend: Suspend, monkeypatch: pytest.MonkeyPatch, owner: str, method: str
) -> None:
    """After begin, and after the channel has looked at the clock for the first time."""
    (id_,) = env.pending("ana@example.com")
    port = getattr(env, owner)
    do = getattr(port, method)

    def suspended(*arguments: Any, **options: Any) -> Any:
        if owner == "channel":
            suspend()
            return do(*arguments, **options)
        answer = do(*arguments, **options)
        suspend()
        return answer

    monkeypatch.setattr(port, method, suspended)

    assert env.deliverer().deliver([id_])[id_].to is Status.PENDING
    assert env.mails(id_) == []


def test_a_pool_starts_no_request_after_the_machine_was_suspended(suspend: Suspend) -> None:
    pool = SendPool("test", lease=60.0, threads=1)
    messages = [Message(number, 1, Webhook("x", {}), WebhookContent(b""), boottime() + 30) for number in range(2)]  # type: ignore[arg-type]

    def send(_: object) -> Accepted:
        suspend()
        return Accepted(None)

    outcomes = pool.send(messages, send)
    pool.close()
    assert [type(each) for each in outcomes] == [Accepted, Late]


def test_a_bridge_that_was_suspended_reads_nothing_under_its_old_leases(suspend: Suspend) -> None:
    class Leases:
        ttl = 60.0

    holdings = HeldShards(Leases(), 10)  # type: ignore[arg-type]
    assert not holdings.overdue()
    suspend()
    assert holdings.overdue()
