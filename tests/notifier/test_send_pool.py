import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
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


class Background:
    """Sends in a thread of its own, so that a test whose messages never end fails."""

    def __init__(self, send: Callable[[], list[Outcome]]) -> None:
        self._outcomes: Future[list[Outcome]] = Future()
        threading.Thread(target=lambda: self._outcomes.set_result(send()), daemon=True).start()

    def result(self) -> list[Outcome]:
        return self._outcomes.result(30)


def test_messages_are_sent_concurrently_and_outcomes_come_in_order() -> None:
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


def test_an_exception_makes_its_message_unknown_without_its_text() -> None:
    pool = SendPool("test", 60)

    def raising(message: Message[Any, Any]) -> Outcome:
        if message.request == 1:
            raise LookupError("ana@example.com")
        return accept(message)

    first, second, third = pool.send(some(3), raising)
    assert (type(first), second, type(third)) == (Accepted, Unknown("the channel raised LookupError"), Accepted)
    pool.close()


@pytest.mark.parametrize("receiver", [None, lambda _: "one"], ids=["no receivers", "one receiver"])
def test_an_exception_that_would_end_a_process_makes_only_its_message_unknown(receiver: Any) -> None:
    pool = SendPool("test", 60)

    def cancelled(message: Message[Any, Any]) -> Outcome:
        if message.request == 1:
            raise asyncio.CancelledError
        return accept(message)

    sending = Background(lambda: pool.send(some(3), cancelled, receiver))
    first, second, third = sending.result()
    assert (type(first), second, type(third)) == (Accepted, Unknown("the channel raised CancelledError"), Accepted)
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
    pool, go_on, quick = SendPool("test", 60, threads=8, per_receiver=3), threading.Event(), threading.Semaphore(0)
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
            pool.send(some(40), to_one_of_two, receiver=lambda message: str(message.request < 30))
        )
    )
    sending.start()
    for _ in range(10):
        assert quick.acquire(timeout=10), "a message to the quick receiver waits for the slow one"
    wait_until(lambda: not pool._receivers._receivers["True"].waiting)  # 2 seconds later: it is slow
    assert isinstance(pool.send(some(1), to_one_of_two, receiver=lambda message: "True")[0], Late)
    go_on.set()
    sending.join(30)
    assert started == [0, 1, 2]
    assert [type(each) for each in outcomes] == [Accepted] * 3 + [Late] * 27 + [Accepted] * 10
    assert pool._receivers._receivers == {}
    pool.close()


def test_a_receiver_that_answers_gets_all_of_its_messages_in_order() -> None:
    pool, order = SendPool("test", 60, threads=8, per_receiver=1), []

    def note(message: Message[Any, Any]) -> Outcome:
        order.append(message.request)
        return accept(message)

    outcomes = pool.send(some(200), note, receiver=lambda message: "one")
    assert {type(each) for each in outcomes} == {Accepted}
    assert order == list(range(200))
    pool.close()


@pytest.mark.parametrize(
    "receiver",
    [None, lambda _: "one", lambda message: str(message.request % 3)],
    ids=["no receivers", "one receiver", "receivers"],
)
def test_nothing_starts_once_the_process_is_to_end(receiver: Any) -> None:
    pool, ends, started = SendPool("test", 60, threads=2, per_receiver=2), threading.Event(), []

    def end(message: Message[Any, Any]) -> Outcome:
        started.append(message)
        ends.set()
        return accept(message)

    outcomes = pool.send([Message(uuid4(), 1, each, None, ends=ends.is_set) for each in range(100)], end, receiver)
    late = [each for each in outcomes if isinstance(each, Late)]
    assert len(started) <= 2
    assert len(late) == 100 - len(started)
    assert "ends" in late[0].reason
    pool.close()


class Receivers:
    """The first `slow` receivers answer after `go_on` is set; the others answer at once."""

    def __init__(self, slow: int) -> None:
        self.slow = slow
        self.go_on = threading.Event()
        self.lock = threading.Lock()
        self.under_way: dict[int, int] = {}
        self.most: dict[int, int] = {}

    def receiver(self, message: Message[Any, Any]) -> str:
        return str(message.request)

    def send(self, message: Message[Any, Any]) -> Outcome:
        who = message.request
        with self.lock:
            self.under_way[who] = self.under_way.get(who, 0) + 1
            self.most[who] = max(self.most.get(who, 0), self.under_way[who])
        if who < self.slow:
            self.go_on.wait(30)
        with self.lock:
            self.under_way[who] -= 1
        return accept(message)


def to(*receivers: int) -> list[Message[Any, Any]]:
    return [Message(uuid4(), 1, each, None) for each in receivers]


def in_background(pool: SendPool, messages: list[Message[Any, Any]], all_: Receivers) -> threading.Thread:
    sending = threading.Thread(target=lambda: pool.send(messages, all_.send, all_.receiver))
    sending.start()
    return sending


@pytest.mark.parametrize("slow", [4, 5, 8])
def test_several_slow_receivers_do_not_delay_others(slow: int) -> None:
    pool, all_ = SendPool("test", 60, threads=64, per_receiver=16), Receivers(slow)
    sending = in_background(pool, to(*(each for each in range(slow) for _ in range(100))), all_)
    wait_until(lambda: sum(all_.under_way.values()) >= 32 + 2 * slow)
    began = time.monotonic()
    assert {type(each) for each in pool.send(to(*range(slow, slow + 50)), all_.send, all_.receiver)} == {Accepted}
    assert time.monotonic() - began < 20.0
    all_.go_on.set()
    sending.join(30)
    assert pool._receivers._receivers == {}
    assert (pool._receivers._shared, pool._receivers._short) == (0, {})
    pool.close()


def test_a_slow_receiver_has_two_requests_until_it_answers_fast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, all_ = SendPool("test", 60, threads=16, per_receiver=8), Receivers(1)
    monkeypatch.setattr(pool._receivers, "_slow_seconds", 0.2)
    threading.Timer(0.5, all_.go_on.set).start()
    pool.send(to(*[0] * 8), all_.send, all_.receiver)
    all_.go_on.clear()
    all_.most.clear()
    sending = in_background(pool, to(*[0] * 20), all_)
    wait_until(
        lambda: pool._receivers._receivers and not pool._receivers._receivers["0"].waiting
    )  # slow again: the rest is late
    all_.go_on.set()
    sending.join(10)
    assert all_.most == {0: 2}
    pool.send(to(0), all_.send, all_.receiver)
    together, most = threading.Barrier(8), []

    def meet(message: Message[Any, Any]) -> Outcome:
        most.append(together.wait(10))
        return accept(message)

    pool.send(to(*[0] * 8), meet, all_.receiver)
    assert len(most) == 8
    pool.close()


def test_all_slow_receivers_have_half_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, all_ = SendPool("test", 60, threads=8, per_receiver=4), Receivers(20)
    monkeypatch.setattr(pool._receivers, "_slow_seconds", 0.2)
    for each in range(20):
        pool._receivers._remember(str(each), 1.0)
    sending = in_background(pool, to(*range(20), *range(20)), all_)
    wait_until(lambda: sum(all_.under_way.values()) == 4)
    assert {type(each) for each in pool.send(to(20), all_.send, all_.receiver)} == {Accepted}
    assert sum(all_.under_way.values()) == 4
    all_.go_on.set()
    sending.join(10)
    assert not sending.is_alive()
    assert pool._receivers._receivers == {}
    pool.close()


def test_what_waits_when_the_threads_are_shut_down_is_late() -> None:
    pool, all_ = SendPool("test", 60, threads=2, per_receiver=1), Receivers(1)
    sending = Background(lambda: pool.send(to(0, 0, 0), all_.send, all_.receiver))
    wait_until(lambda: pool._receivers.counts().waiting == 2)
    pool._threads.shutdown(wait=False)
    all_.go_on.set()
    assert [type(each) for each in sending.result()] == [Accepted, Late, Late]
    assert pool._receivers._receivers == {}


def test_a_message_for_which_no_thread_starts_is_late_and_is_not_sent_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An executor keeps what it could start no thread for, and its other threads come to it later."""
    pool, all_, sent = SendPool("test", 60, threads=2, per_receiver=1), Receivers(1), []

    def send(message: Message[Any, Any]) -> Outcome:
        sent.append(message.request)
        return all_.send(message)

    first = Background(lambda: pool.send(to(0), send, all_.receiver))
    wait_until(lambda: sent == [0])
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        assert [type(each) for each in pool.send(to(1, 1), send, all_.receiver)] == [Late, Late]
    all_.go_on.set()
    assert [type(each) for each in first.result()] == [Accepted]
    assert [type(each) for each in pool.send(to(2), send, all_.receiver)] == [Accepted]
    pool.close()
    assert sent == [0, 2]
    assert pool._receivers._receivers == {}


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
