"""What a worker shows of itself at each scrape."""

import threading
from typing import Any
from uuid import UUID

from notifier.channels.receivers import ReceiverCounts
from notifier.messages import Message
from notifier.outcomes import Accepted, Outcome
from notifier.process.clock import boottime
from notifier.send_pool import SendPool, pools
from tests.waiting import wait_until
from tests.workers.test_deliverer import Environment, env
from workers.metrics.gauges import ChannelParts, WorkerGauges

__all__ = ["env"]


def scraped(gauges: WorkerGauges) -> dict[tuple[str, ...], float]:
    return {(each.name, *each.labels.values()): each.value for family in gauges.collect() for each in family.samples}


def test_gauges_of_a_channel(env: Environment) -> None:
    parts = ChannelParts(env.deliverer(sets_aside=True), env.bucket)
    gauges = WorkerGauges(env.in_progress, lambda: {"email": parts})
    with env.in_progress.hold([UUID(int=1), UUID(int=2)]):
        assert scraped(gauges)[("notifier_in_progress",)] == 2
    found = scraped(gauges)
    assert found[("notifier_in_progress",)] == 0
    assert found[("notifier_build_threads", "email", "hanging")] == 0
    assert found[("notifier_build_threads", "email", "aside")] == 0


def test_the_rate_is_that_of_the_provider_and_less_after_a_throttle(env: Environment) -> None:
    gauges = WorkerGauges(env.in_progress, lambda: {"email": ChannelParts(env.deliverer(), env.bucket)})
    env.bucket.take(1)
    found = scraped(gauges)
    allowed = found[("notifier_rate_allowed", "email")]
    assert found[("notifier_rate_now", "email")] == allowed > 1
    env.bucket.slow_down()
    env.bucket.take(1)
    found = scraped(gauges)
    assert found[("notifier_rate_allowed", "email")] == allowed
    assert found[("notifier_rate_now", "email")] < 0.8 * allowed


def test_receivers_of_a_pool_are_counted() -> None:
    pool, go_on = SendPool("a pool", 60.0, threads=2, per_receiver=1), threading.Event()

    def send_one(_: Message[Any, Any]) -> Outcome:
        go_on.wait(20)
        return Accepted(None)

    until = boottime() + 60
    messages = [Message(UUID(int=number), 1, None, None, until, lambda: False) for number in range(3)]
    names = iter(["one", "one", "two"])
    thread = threading.Thread(target=pool.send, args=(messages, send_one, lambda _: next(names)))
    thread.start()
    try:
        wait_until(lambda: pool.receivers() == ReceiverCounts(open=2, slow=0, running=2, waiting=1))
        assert pool in pools()
        found = scraped(WorkerGauges(_Nothing(), dict))  # type: ignore[arg-type]
        assert found[("notifier_receivers", "a pool", "open")] == 2
        assert found[("notifier_receiver_requests", "a pool", "waiting")] == 1
    finally:
        go_on.set()
        thread.join(20)
        pool.close()
    assert pool.receivers() == ReceiverCounts(0, 0, 0, 0)


class _Nothing:
    def count(self) -> int:
        return 0
