"""Threads for a channel that sends each message with a request of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakSet

from notifier.channels.receivers import ReceiverCounts, Receivers
from notifier.messages import TOO_LATE, Message
from notifier.outcomes import Late, Outcome, Unknown
from notifier.process.clock import boottime

_LOOK_SECONDS = 0.5  # how often `send` looks for slow receivers

SendOne = Callable[[Message[Any, Any]], Outcome]


class Timeouts(NamedTuple):
    """Seconds for one request: to connect, and then for the whole answer."""

    connect: float
    answer: float


def timeouts(lease: float) -> Timeouts:
    """Return timeouts with which a request that starts in the first half of the lease ends within it.

    `lease` is in seconds: `settings.send_lease_seconds`. A request that is still open when the lease of its attempt
    ends could be sent twice.
    """
    return Timeouts(min(3.0, lease / 10), min(15.0, lease / 4))


class SendPool:
    """Sends messages concurrently. Thread-safe; starts no thread before the first `send`.

    It starts no request in the second half of the lease, because the request might still be open when the lease ends
    and another worker sends the message again; and none once the process is to end. Those messages are `Late`.

    Example:
        pool = SendPool("ntfy", settings.send_lease_seconds)
        outcomes = pool.send(messages, send_one)  # def send_one(message: Message[Push, str]) -> Outcome
        outcomes = pool.send(messages, send_one, receiver=lambda message: message.request.to)
    """

    def __init__(self, name: str, lease: float, threads: int = 64, per_receiver: int = 16) -> None:
        """Make a pool.

        `name` is in the names of its threads. `lease` is `settings.send_lease_seconds`. `threads` is the number of
        concurrent requests, `per_receiver` the most of them to one receiver, if `send` gets `receiver`.
        """
        self.name = name
        self._seconds = lease / 2
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._receivers = Receivers(self._threads, per_receiver, threads)
        _pools.add(self)

    def send(
        self,
        messages: Sequence[Message[Any, Any]],
        send_one: SendOne,
        receiver: Callable[[Message[Any, Any]], str] | None = None,
    ) -> list[Outcome]:
        """Call `send_one` for each message, and return the outcomes in the same order. An exception is `Unknown`.

        `receiver` returns the name of a message's receiver. Give it if messages have different receivers: a slow one
        then does not delay the others, and messages that would have to wait for it are `Late`.
        """
        deadline = boottime() + self._seconds
        if receiver is None:
            return list(self._threads.map(lambda message: _outcome(message, send_one, deadline), messages))
        futures = [
            self._receivers.submit(receiver(message), partial(_outcome, message, send_one, deadline))
            for message in messages
        ]
        while wait(futures, _LOOK_SECONDS).not_done:
            self._receivers.give_up_slow()
        return [future.result() for future in futures]

    def receivers(self) -> ReceiverCounts:
        """Return how many receivers and requests there are now, of messages that were sent with `receiver`."""
        return self._receivers.counts()

    def close(self) -> None:
        """Wait for running requests and end the threads."""
        self._threads.shutdown()


_pools: "WeakSet[SendPool]" = WeakSet()


def pools() -> list[SendPool]:
    """Return the pools of this process, for its metrics."""
    return list(_pools)


def _outcome(message: Message[Any, Any], send_one: SendOne, deadline: float) -> Outcome:
    if reason := message.late() or (TOO_LATE if boottime() >= deadline else None):
        return Late(reason)
    try:
        return send_one(message)
    except BaseException as error:  # noqa: BLE001  CancelledError, too; its text may be personal, so only its type is kept
        return Unknown(f"the channel raised {type(error).__name__}")
