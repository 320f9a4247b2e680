"""What a Celery worker tells others: its events, and the exceptions of its tasks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, signals

from tests.waiting import wait_until


class Listener:
    """Collects the events of all workers, and the exceptions of tasks that failed in this process."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.types: set[str] = set()
        self.events: list[dict[str, Any]] = []
        signals.task_failure.connect(self._failure)

    def event(self, event: dict[str, Any]) -> None:
        self.heard.append(str(event))
        self.events.append(event)
        self.types.add(event["type"])

    def of(self, id_: object) -> list[str]:
        """The types of the task's events, in order."""
        return [event["type"] for event in self.events if event.get("uuid") == str(id_)]

    def _failure(self, exception: Exception, einfo: Any, **_: Any) -> None:
        self.heard.append(f"{exception!r} {exception.__cause__!r} {einfo.traceback}")


@contextmanager
def listening(app: Celery) -> Iterator[Listener]:
    listener = Listener()
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": listener.event})
        thread = threading.Thread(target=receiver.capture, kwargs={"limit": None, "wakeup": False})
        thread.start()
        try:
            wait_until(lambda: _probe(app) or listener.types, message="no event arrives")
            yield listener
        finally:
            receiver.should_stop = True
            thread.join(30)


def _probe(app: Celery) -> None:
    with app.events.default_dispatcher() as dispatcher:
        dispatcher.send("worker-probe")
