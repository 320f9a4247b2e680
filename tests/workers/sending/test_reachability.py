"""While the provider does not answer, one message at a time tries."""

import threading

from notifier.outcomes import Accepted, Late, Offline, Outcome, Rejected, Unknown
from tests.waiting import wait_until
from workers.sending.reachability import Reachability

OFFLINE: list[Outcome] = [Offline("refused")] * 10


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_lost_answers_are_no_outage() -> None:
    reach = Reachability(Clock())
    reach.update([Unknown("cut")] * 9)
    assert reach.allowance(500, 0.0) == 500
    reach.update([Accepted("m-1")])
    reach.update([Unknown("cut")] * 9)
    assert reach.allowance(500, 0.0) == 500


def test_what_was_not_even_sent_says_nothing_of_the_provider() -> None:
    reach = Reachability(Clock())
    reach.update([Late("too slow")] * 500)
    assert reach.allowance(500, 0.0) == 500
    reach.update(OFFLINE)
    reach.update([Late("too slow")])
    assert reach.allowance(500, 0.0) == 0


def test_an_outage_lets_one_message_try_now_and_then() -> None:
    clock = Clock()
    reach = Reachability(clock)
    reach.update(OFFLINE)

    assert reach.allowance(500, 0.0) == 0
    clock.now = 1.0
    assert [reach.allowance(500, 0.0) for _ in range(3)] == [1, 0, 0]
    reach.update([Offline("refused")])
    clock.now = 2.5
    assert reach.allowance(500, 0.0) == 0  # the pause has grown
    clock.now = 3.0
    assert reach.allowance(500, 0.0) == 1

    reach.update([Rejected("no such address")])  # any answer will do
    assert reach.allowance(500, 0.0) == 500


def test_a_try_that_led_to_no_request_is_made_again_at_once() -> None:
    clock = Clock()
    reach = Reachability(clock)
    reach.update(OFFLINE)
    clock.now = 1.0
    assert reach.allowance(500, 0.0) == 1
    reach.nothing_asked()
    assert [reach.allowance(500, 0.0) for _ in range(2)] == [1, 0]
    reach.update([Accepted("m-1")])
    reach.nothing_asked()
    assert reach.allowance(500, 0.0) == 500


def test_who_waits_goes_on_when_the_provider_answers() -> None:
    reach = Reachability(lambda: 0.0)
    reach.update(OFFLINE)
    allowed: list[int] = []
    thread = threading.Thread(target=lambda: allowed.append(reach.allowance(500, 3600.0)))
    thread.start()
    reach.update([Accepted("m-1")])
    thread.join(10)
    wait_until(lambda: allowed == [500])
