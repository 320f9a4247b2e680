"""What measuring costs a worker: units of the same messages, delivered with and without it, by turns.

Nothing waits here: the database and the provider are stand-ins that answer at once, so that the difference is only
that of the code. `python -m bench.metrics_cost` prints microseconds a message.
"""

import statistics
import time
import uuid
from collections.abc import Generator, Sequence
from typing import Any
from unittest.mock import patch
from uuid import UUID

from notifier.messages import Message
from notifier.notifications import Status
from notifier.outbox import Attempts, BeginResult, Change
from notifier.outbox.delivery.attempt import Begun
from notifier.outcomes import Accepted, Outcome
from workers.deliverer import Deliverer
from workers.metrics.measured import MeasuredAttempts, MeasuredChannel, MeasuredDeliverer

ROUNDS = 400
SIZES = (1, 10, 100, 500)


class _Provider:
    """Accepts everything at once."""

    one_provider = True
    request_type = Message
    address = render = staticmethod(str)

    def __init__(self, size: int) -> None:
        self._outcomes: list[Outcome] = [Accepted("1") for _ in range(size)]

    def send(self, _: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return self._outcomes


class _Deliveries:
    """A deliverer's steps without its database: each is called once for a unit, as `Deliverer` does."""

    def __init__(self, size: int, *, measured: bool) -> None:
        self.ids = [uuid.uuid4() for _ in range(size)]
        self._done: dict[UUID, Change] = {id_: Change(id_, Status.SENT, route="a") for id_ in self.ids}
        self._changes = list(self._done.values())
        kind = MeasuredAttempts if measured else Attempts
        self._attempts = kind.__new__(kind)
        deliverer = MeasuredDeliverer if measured else Deliverer
        self.deliverer = deliverer.__new__(deliverer)
        self._channel: Any = _Provider(size)
        if measured:
            with patch.object(Attempts, "__init__", lambda *_, **__: None):
                self._attempts.__init__(channel="email")  # type: ignore[misc]
            self._channel = MeasuredChannel("email", self._channel)
            assert isinstance(self.deliverer, MeasuredDeliverer)  # noqa: S101  narrows the type
            self.deliverer.measure("email")

    def steps(self) -> dict[UUID, Change]:
        self._attempts.load(self.ids)
        for _ in self.deliverer._batches([], None, suspects=False):  # noqa: SLF001
            self._attempts.begin(self.ids[0], [], 60.0)
            self._channel.send([])
            for _ in self.ids:  # what is read for each message
                self._channel.address  # noqa: B018
            self._attempts.finish(self.ids[0], self._changes)
        return self._done


def iter_once() -> Generator[list[Any], None, None]:
    """Yield one batch, as a builder whose routes are quick."""
    yield []


def main() -> None:
    empty = BeginResult([Begun(uuid.uuid4(), 1)], [])
    current: list[_Deliveries] = []
    with (
        patch.object(Attempts, "load", lambda *_, **__: []),
        patch.object(Attempts, "begin", lambda *_, **__: empty),
        patch.object(Attempts, "finish", lambda *_, **__: set()),
        patch.object(Deliverer, "_batches", lambda *_, **__: iter_once()),
        patch.object(Deliverer, "deliver", lambda *_, **__: current[0].steps()),
    ):
        for size in SIZES:
            plain, measured = _Deliveries(size, measured=False), _Deliveries(size, measured=True)
            differences = []
            for number in range(ROUNDS):
                seconds = {}
                for each in (plain, measured) if number % 2 else (measured, plain):
                    current[:] = [each]
                    began = time.perf_counter()
                    each.deliverer.deliver(each.ids)
                    seconds[each] = time.perf_counter() - began
                differences.append(seconds[measured] - seconds[plain])
            micros = statistics.median(differences) * 1e6
            print(f"units of {size:3}: {micros:6.1f} µs a unit, {micros / size:6.3f} µs a message")


if __name__ == "__main__":
    main()
