"""Threads for a channel whose provider takes one message in a request."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, NamedTuple

from notifier.channels.lanes import Lanes
from notifier.messages import TOO_LATE, Message
from notifier.outcomes import Late, Outcome, Unknown
from notifier.process.clock import boottime

_LOOK_SECONDS = 0.5  # how often a unit looks whether a receiver is slow

SendOne = Callable[[Message[Any, Any]], Outcome]


class Timeouts(NamedTuple):
    """Seconds for one request: to connect, and then for the whole answer."""

    connect: float
    answer: float


def timeouts(lease: float) -> Timeouts:
    """With these a request that starts in the first half of the lease of its attempt ends within it.

    One that is still under way when the lease ends could be sent twice.
    """
    return Timeouts(min(3.0, lease / 10), min(15.0, lease / 4))


class SendPool:
    """Sends the messages of a unit side by side. Safe to share between threads; no thread before the first send.

    It starts no request in the second half of the lease, for the row might be someone else's by then, and none once
    the process is to end. `per_lane` is how many requests one receiver has at once, where `send` is told the
    receivers.
    """

    def __init__(self, name: str, lease: float, threads: int = 64, per_lane: int = 16) -> None:
        self._seconds = lease / 2
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lanes = Lanes(self._threads, per_lane, threads)

    def send(
        self,
        messages: Sequence[Message[Any, Any]],
        send_one: SendOne,
        lane: Callable[[Message[Any, Any]], str] | None = None,
    ) -> list[Outcome]:
        """The outcomes in the order of the messages. What `send_one` raises all the same is `Unknown`.

        `lane` names the receiver of a message. Give it where each message has a receiver of its own: one that is slow
        does not hold up the others then, and what has no place with it is `Late`.
        """
        deadline = boottime() + self._seconds
        if lane is None:
            return list(self._threads.map(lambda message: _outcome(message, send_one, deadline), messages))
        futures = [
            self._lanes.submit(lane(message), partial(_outcome, message, send_one, deadline)) for message in messages
        ]
        while wait(futures, _LOOK_SECONDS).not_done:
            self._lanes.give_up_slow()
        return [future.result() for future in futures]

    def close(self) -> None:
        self._threads.shutdown()


def _outcome(message: Message[Any, Any], send_one: SendOne, deadline: float) -> Outcome:
    if reason := message.late() or (TOO_LATE if boottime() >= deadline else None):
        return Late(reason)
    try:
        return send_one(message)
    except Exception as error:  # noqa: BLE001  the request may have left; the text may hold what nobody may read
        return Unknown(f"the channel raised {type(error).__name__}")
