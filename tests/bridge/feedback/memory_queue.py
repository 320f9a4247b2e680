"""A queue in memory that behaves like SQS: what is received and not deleted comes again."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.feedback.queue import QueueMessage


class MemoryQueue:
    """Returns the bodies from last to first. `log` has the calls; `errors` are raised one after the other."""

    visibility = 120

    def __init__(self, bodies: Iterable[str] = ()) -> None:
        self.waiting = [QueueMessage(body, str(number)) for number, body in enumerate(bodies)]
        self.hidden: dict[str, QueueMessage] = {}
        self.log: list[str] = []
        self.errors: dict[str, list[Exception | None]] = {"receive": [], "delete": []}
        self._lock = threading.Lock()

    def receive(self, wait_seconds: int) -> list[QueueMessage]:
        self._raise("receive")
        with self._lock:
            came, self.waiting = self.waiting[-10:], self.waiting[:-10]
            self.hidden |= {each.receipt: each for each in came}
        return came

    def delete(self, messages: Sequence[QueueMessage]) -> int:
        self._raise("delete")
        with self._lock:
            for each in messages:
                self.hidden.pop(each.receipt, None)
        self.log.append(f"delete {len(messages)}")
        return 0

    def depth(self) -> int:
        return len(self)

    def end_visibility(self) -> int:
        """Make all received messages visible again; return how many these are."""
        return self.give_back(list(self.hidden.values()))

    def give_back(self, messages: Sequence[QueueMessage]) -> int:
        """Make these messages visible again."""
        with self._lock:
            for each in messages:
                del self.hidden[each.receipt]
            self.waiting += [replace(each, receives=each.receives + 1) for each in messages]
        return len(messages)

    def __len__(self) -> int:
        return len(self.waiting) + len(self.hidden)

    def _raise(self, what: str) -> None:
        error = self.errors[what].pop(0) if self.errors[what] else None
        if error:
            raise error
