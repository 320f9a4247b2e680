"""Concurrent requests to several receivers, with a limit for each, so that slow ones leave threads to the others."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial

from notifier.outcomes import Late, Outcome

SLOW_SECONDS = 2.0
"""A receiver is slow while one of its requests has been running for longer, and after one took longer."""
SLOW_LIMIT = 2
"""Concurrent requests of a slow receiver. Every receiver may have so many, however many others have."""
REMEMBERED_SECONDS = 60.0
"""How long a receiver counts as slow after a slow answer, unless a fast one comes."""

Work = Callable[[], Outcome]
"""Sends one message. It must not raise."""


@dataclass(frozen=True, slots=True)
class ReceiverCounts:
    """How many receivers have requests, how many of them are slow; how many requests run, and how many wait."""

    open: int
    slow: int
    running: int
    waiting: int


@dataclass(slots=True)
class _Receiver:
    """The requests to one receiver.

    `placed` of them have a slot; `began` has the start of each that runs, by thread; `waiting` are the others.
    """

    placed: int = 0
    began: dict[int, float] = field(default_factory=dict)
    waiting: deque[tuple[Work, "Future[Outcome]"]] = field(default_factory=deque)


class Receivers:
    """The receivers that have requests. At most `limit` requests to one run at once, and the rest wait in order.
    Thread-safe.

    `threads` runs the requests, `slots` is the number of its threads. Beyond SLOW_LIMIT for each, all receivers
    together have at most half of the slots, so that several that become slow at once leave threads to the others. A
    slow receiver has at most SLOW_LIMIT slots, and all slow ones together at most half. Nothing waits behind a slow
    request: a message without a slot is `Late` at once then.
    """

    def __init__(self, threads: Executor, limit: int, slots: int, slow_seconds: float = SLOW_SECONDS) -> None:
        self._threads = threads
        self._limit = limit
        self._slow_seconds = slow_seconds
        self._lock = threading.Lock()
        self._receivers: dict[str, _Receiver] = {}
        self._half = max(1, slots // 2)
        self._shared = 0  # slots in use beyond the first SLOW_LIMIT of each receiver
        self._short: dict[str, None] = {}  # receivers that wait for such a slot, in order
        self._slow_until: dict[str, float] = {}

    def submit(self, name: str, call: Work) -> "Future[Outcome]":
        """Run `call`, a request to the receiver `name`, as soon as it has a slot. Return a future of its outcome."""
        future: Future[Outcome] = Future()
        with self._lock:
            found = self._receivers.setdefault(name, _Receiver())
            if self._is_slow(found) or self._has_no_turn(name, found):
                if not found.placed:
                    del self._receivers[name]
                future.set_result(_late())
                return future
            found.waiting.append((call, future))
            started = self._next(name, found)
        self._start(started)
        return future

    def give_up_slow(self) -> None:
        """Make every waiting request of a slow receiver `Late`."""
        with self._lock:
            given_up: list[tuple[Work, Future[Outcome]]] = []
            for name, receiver in self._receivers.items():
                if self._is_slow(receiver):
                    given_up += receiver.waiting
                    receiver.waiting.clear()
                    self._short.pop(name, None)
        for _, future in given_up:
            future.set_result(_late())

    def counts(self) -> ReceiverCounts:
        with self._lock:
            receivers = self._receivers
            slow = sum(self._was_slow(name) or self._is_slow(receiver) for name, receiver in receivers.items())
            running = sum(len(receiver.began) for receiver in receivers.values())
            return ReceiverCounts(
                len(receivers), slow, running, sum(len(receiver.waiting) for receiver in receivers.values())
            )

    def _is_slow(self, receiver: _Receiver) -> bool:
        """Return whether one of its requests is slow now."""
        return any(began < time.monotonic() - self._slow_seconds for began in receiver.began.values())

    def _was_slow(self, name: str) -> bool:
        """Return whether it answered slowly within REMEMBERED_SECONDS."""
        return name in self._slow_until and time.monotonic() < self._slow_until[name]

    def _has_no_turn(self, name: str, receiver: _Receiver) -> bool:
        """Return whether other slow receivers hold all slots that slow ones may have."""
        return not receiver.placed and self._was_slow(name) and self._held_by_slow() >= self._half

    def _held_by_slow(self) -> int:
        return sum(
            receiver.placed
            for name, receiver in self._receivers.items()
            if self._was_slow(name) or self._is_slow(receiver)
        )

    def _next(self, name: str, receiver: _Receiver) -> list[tuple[str, Work, "Future[Outcome]"]]:
        """Give the receiver's waiting requests the free slots, and return them. The lock is held."""
        started = []
        was_slow = self._was_slow(name)
        limit = min(SLOW_LIMIT, self._limit) if was_slow else self._limit
        while receiver.waiting and receiver.placed < limit:
            if was_slow and receiver.placed and self._held_by_slow() >= self._half:
                break
            if receiver.placed >= SLOW_LIMIT:
                if self._shared >= self._half:
                    self._short[name] = None
                    break
                self._shared += 1
            receiver.placed += 1
            started.append((name, *receiver.waiting.popleft()))
        return started

    def _start(self, started: list[tuple[str, Work, "Future[Outcome]"]]) -> None:
        """Run them. They are `Late` if no thread can be started, or if the executor has been shut down."""
        while started:
            name, call, future = started.pop(0)
            try:
                self._threads.submit(partial(self._run, name, call, future))
            except RuntimeError:
                started += self._withdraw(name, future)

    def _withdraw(self, name: str, future: "Future[Outcome]") -> list[tuple[str, Work, "Future[Outcome]"]]:
        """Make a request `Late` that the executor refused. Return the requests that get its slot.

        The executor may have queued it before its new thread did not start. `_run` does nothing then, unless another
        thread was faster.
        """
        with self._lock:
            if future.running() or future.done():
                return []
            future.set_result(Late("no thread could be started for it; not sent"))
            return self._leave(name, self._receivers[name])

    def _run(self, name: str, call: Work, future: "Future[Outcome]") -> None:
        me = threading.get_ident()
        with self._lock:
            if future.done():
                return
            future.set_running_or_notify_cancel()
            began = self._receivers[name].began[me] = time.monotonic()
        outcome = call()
        with self._lock:
            receiver = self._receivers[name]
            del receiver.began[me]
            self._remember(name, time.monotonic() - began)
            started = self._leave(name, receiver)
        future.set_result(outcome)
        self._start(started)

    def _leave(self, name: str, receiver: _Receiver) -> list[tuple[str, Work, "Future[Outcome]"]]:
        """Free a slot, and return the requests that get one: its own, or one that waits for a shared slot."""
        receiver.placed -= 1
        started = []
        if receiver.placed >= SLOW_LIMIT:
            self._shared -= 1
            while self._short and self._shared < self._half:
                other = next(iter(self._short))
                del self._short[other]
                if found := self._receivers.get(other):
                    started += self._next(other, found)
        started += self._next(name, receiver)
        if not receiver.placed:
            del self._receivers[name]
        return started

    def _remember(self, name: str, seconds: float) -> None:
        """Note whether the receiver answered slowly, and delete what is too old."""
        now = time.monotonic()
        if seconds <= self._slow_seconds:
            self._slow_until.pop(name, None)
            return
        for other in [each for each, until in self._slow_until.items() if until <= now]:
            del self._slow_until[other]
        self._slow_until[name] = now + REMEMBERED_SECONDS


def _late() -> Late:
    return Late("its receiver is slow, and has as many requests as it may have at once; not sent")
