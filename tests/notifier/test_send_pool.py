import threading
from typing import Any
from uuid import uuid4

import pytest

from notifier.messages import Message
from notifier.outcomes import Accepted, Late, Outcome, Unknown
from notifier.send_pool import SendPool, timeouts


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
