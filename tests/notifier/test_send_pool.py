import threading
from typing import Any
from uuid import uuid4

import pytest

from notifier.messages import Message
from notifier.outcomes import Accepted, Late, Outcome, Unknown
from notifier.send_pool import SendPool, timeouts
from tests.waiting import wait_until


def some(number: int) -> list[Message[Any, Any]]:
    return [Message(uuid4(), 1, each, None) for each in range(number)]


def accept(message: Message[Any, Any]) -> Outcome:
    return Accepted(str(message.notification_id))


def test_messages_go_side_by_side_and_outcomes_come_in_order() -> None:
    together, pool = threading.Barrier(8), SendPool("test", 60, threads=8)

    def meet(message: Message[Any, Any]) -> Outcome:
        together.wait(10)
        return accept(message)

    messages = some(16)
    assert pool.send(messages, meet) == [accept(each) for each in messages]
    pool.close()


def test_nothing_starts_in_the_second_half_of_the_lease() -> None:
    started, go_on = [], threading.Event()
    pool = SendPool("test", 0.2, threads=2)

    def slow(message: Message[Any, Any]) -> Outcome:
        started.append(message)
        go_on.wait(10)
        return accept(message)

    threading.Timer(0.2, go_on.set).start()
    messages = some(6)
    outcomes = pool.send(messages, slow)
    assert started == messages[:2]
    assert [type(each) for each in outcomes] == [Accepted] * 2 + [Late] * 4
    pool.close()


def test_what_is_raised_leaves_that_message_unknown_and_its_text_unsaid() -> None:
    pool = SendPool("test", 60)

    def raising(message: Message[Any, Any]) -> Outcome:
        if message.request == 1:
            raise LookupError("ana@example.com")
        return accept(message)

    first, second, third = pool.send(some(3), raising)
    assert (type(first), second, type(third)) == (Accepted, Unknown("the channel raised LookupError"), Accepted)
    pool.close()


def test_there_is_no_thread_before_the_first_send() -> None:
    before = threading.active_count()
    pool = SendPool("test", 60)
    assert threading.active_count() == before
    pool.close()


@pytest.mark.parametrize("lease", [0.5, 5.0, 60.0, 600.0])
def test_the_last_request_ends_before_the_lease_does(lease: float) -> None:
    connect, answer = timeouts(lease)
    assert lease / 2 + connect + answer < lease
    assert (connect <= 3, answer <= 15) == (True, True)


def test_a_slow_receiver_takes_only_its_own_places_and_the_rest_of_its_messages_are_late() -> None:
    pool, go_on, quick = SendPool("test", 60, threads=8, per_lane=3), threading.Event(), threading.Semaphore(0)
    started = []

    def to_one_of_two(message: Message[Any, Any]) -> Outcome:
        if message.request < 30:
            started.append(message.request)
            go_on.wait(30)
        else:
            quick.release()
        return accept(message)

    outcomes: list[Outcome] = []
    sending = threading.Thread(
        target=lambda: outcomes.extend(
            pool.send(some(40), to_one_of_two, lane=lambda message: str(message.request < 30))
        )
    )
    sending.start()
    for _ in range(10):
        assert quick.acquire(timeout=10), "a message to the quick receiver waits for the slow one"
    wait_until(lambda: not pool._lanes._lanes["True"].waiting)  # 2 seconds later: it is slow
    assert isinstance(pool.send(some(1), to_one_of_two, lane=lambda message: "True")[0], Late)
    go_on.set()
    sending.join(30)
    assert started == [0, 1, 2]
    assert [type(each) for each in outcomes] == [Accepted] * 3 + [Late] * 27 + [Accepted] * 10
    assert pool._lanes._lanes == {}
    pool.close()


def test_a_receiver_that_answers_gets_all_of_its_messages_in_order() -> None:
    pool, order = SendPool("test", 60, threads=8, per_lane=1), []

    def note(message: Message[Any, Any]) -> Outcome:
        order.append(message.request)
        return accept(message)

    outcomes = pool.send(some(200), note, lane=lambda message: "one")
    assert {type(each) for each in outcomes} == {Accepted}
    assert order == list(range(200))
    pool.close()
