"""The CPU that a mail needs before it is sent: `python -m bench.parts.render`.

Items of the example, as records of the stream, are decoded, matched with routes and rendered, in one thread.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import orjson

from bench.figures.screen import show
from bench.measure.command import whole_number
from bench.measure.processes import machine
from examples.activity import sample_items
from notifier.events import Event
from notifier.messages import Email
from notifier.process.garbage import collect_rarely
from notifier.routes import Route
from notifier.routes.loading import load_routes
from notifier.templates import Templates
from sandbox.system import ROUTES, TABLE
from simulators.streams.model.attributes import attributes

T = TypeVar("T")
U = TypeVar("U")
_CREATED = 1_767_600_000.0


class StepCosts:
    """Runs steps over many values. `cost` is the microseconds of CPU of each step for one value."""

    def __init__(self) -> None:
        self.cost: dict[str, float] = {}

    def run(self, name: str, step: Callable[[T], U], values: Sequence[T]) -> list[U]:
        began = time.process_time()
        made = [step(value) for value in values]
        self.cost[name] = round((time.process_time() - began) / len(values) * 1e6, 1)
        return made


def measure(mails: int) -> dict[str, float]:
    routes = load_routes(ROUTES)
    assert routes.source is not None  # noqa: S101
    templates = Templates(routes.source.parent / "templates")
    records = [_record(number, item) for number, item in enumerate(sample_items(mails))]
    collect_rarely()
    for _ in range(2):  # the first round compiles templates
        steps = StepCosts()
        events = steps.run("decode", lambda record: Event.from_record(TABLE, orjson.loads(record)), records)
        emails = steps.run("build", lambda event: _built(routes.owner(event), event), events)
        steps.run("render", lambda email: templates.render(email.template, email.context, email.locale), emails)
    return steps.cost


def _record(number: int, item: Mapping[str, object]) -> bytes:
    image = attributes(item)
    change = {
        "ApproximateCreationDateTime": _CREATED,
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": image,
        "SequenceNumber": str(number),
    }
    return orjson.dumps({"eventID": f"{number:032x}", "eventName": "INSERT", "dynamodb": change})


def _built(route: Route | None, event: Event) -> Email:
    assert route is not None  # noqa: S101
    email = route.request([event], route.channel)
    assert isinstance(email, Email)  # noqa: S101
    return email


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.render", description=__doc__)
    parser.add_argument("--mails", type=whole_number, default=20_000)
    cost = measure(parser.parse_args().mails)
    show("Microseconds of CPU for each mail", [cost])
    print(json.dumps({"cpu_us_per_mail": cost, "machine": machine()}))


if __name__ == "__main__":
    main()
