"""The functions of bridges and workers at which the trace looks. The wrappers only note the time and the ids."""

import functools
import importlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bench.trace.marks import Marks

Function = Callable[..., Any]


def watch_bridge(marks: Marks) -> None:
    """Note when records are asked for, received, parsed, classified, recorded and published."""
    pages: dict[int, tuple[object, dict[str, float]]] = {}  # with the page, so that no other gets its id
    reading = threading.local()

    def records(original: Function, *arguments: Any) -> Any:
        asked = time.time()
        page = original(*arguments)
        pages[id(page)] = page, {"asked": asked, "received": time.time()}
        return page

    def read(original: Function, page: Any) -> Any:
        opened = time.time()
        found = original(page)
        if known := pages.pop(id(page), None):
            reading.times = {**known[1], "opened": opened, "parsed": time.time()}
        return found

    def record(
        original: Function, outbox: Any, lease: Any, previous: Any, page: Any, *more: Any, **named: Any
    ) -> Any:
        ids = [each.id for each in page.notifications]
        for point, at in getattr(reading, "times", {}).items():
            marks.add(point, ids, at)
        marks.add("classified", ids)
        recorded = original(outbox, lease, previous, page, *more, **named)
        marks.add("recorded", ids)
        return recorded

    def publish(original: Function, broker: Any, channel: str, retries: Any, *more: Any, **named: Any) -> Any:
        if published := original(broker, channel, retries, *more, **named):
            marks.add("published", retries)
        return published

    wrap(marks, "bridge.stream.client", "StreamsClient.records", records)
    wrap(marks, "bridge.stream.page", "UnreadPage.read", read)
    wrap(marks, "notifier.outbox.stream.recording", "Recording.record", record)
    wrap(marks, "notifier.broker.broker", "Broker.publish", publish)


def watch_worker(marks: Marks) -> None:
    """Note when messages are reserved, and when their notifications are loaded, built, begun, answered, finished."""

    def messages(original: Function, *arguments: Any) -> Iterator[Any]:
        found = list(original(*arguments))
        marks.add("reserved", [message for _, taken in found for message in taken])
        return iter(found)

    def deliver(original: Function, deliverer: Any, ids: Iterable[Any], **named: Any) -> Any:
        marks.add("started", ids)
        return original(deliverer, ids, **named)

    def load(original: Function, *arguments: Any, **named: Any) -> Any:
        due = original(*arguments, **named)
        marks.add("loaded", [each.id for each in due])
        return due

    def send(original: Function, sender: Any, ready: Any, **named: Any) -> Any:
        marks.add("built", [each.due.id for each in ready])
        return original(sender, ready, **named)

    def begin(original: Function, attempts: Any, token: Any, recipients: Any, *more: Any, **named: Any) -> Any:
        marks.add("allowed", [each.id for each in recipients])
        begun = original(attempts, token, recipients, *more, **named)
        marks.add("begun", [each.id for each in begun.begun])
        marks.numbers.update((each.id, number_of(each.address)) for each in recipients)
        return begun

    def request(original: Function, channel: Any, messages: Any) -> Any:
        outcomes = original(channel, messages)
        marks.add("answered", [each.notification_id for each in messages])
        return outcomes

    def finish(original: Function, *arguments: Any) -> Any:
        finished = original(*arguments)
        marks.add("finished", finished)
        return finished

    wrap(marks, "celery_units.redis.reserve", "messages", messages)
    wrap(marks, "workers.deliverer", "Deliverer.deliver", deliver)
    wrap(marks, "notifier.outbox.delivery.attempts", "Attempts.load", load)
    wrap(marks, "workers.sending.sender", "Sender.send", send)
    wrap(marks, "notifier.outbox.delivery.attempts", "Attempts.begin", begin)
    wrap(marks, "workers.channels.ses.channel", "SesChannel.send", request)
    wrap(marks, "notifier.outbox.delivery.attempts", "Attempts.finish", finish)


def number_of(address: str) -> str:
    """Return the number of the event whose mail goes to that address of the load."""
    return address.partition("@")[0].rpartition(".")[2]


def wrap(marks: Marks, module: str, path: str, wrapper: Function) -> None:
    """Replace a function or method by the wrapper, which is called with it and its arguments."""
    *classes, name = path.split(".")
    try:
        owner: Any = functools.reduce(getattr, classes, importlib.import_module(module))
        original = getattr(owner, name)
    except (ImportError, AttributeError):
        marks.missing.append(f"{module}.{path}")
        return

    @functools.wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    setattr(owner, name, call)
