"""A running system into whose table events can be written: bridges and workers on the servers of a chaos run."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from notifier.broker import Broker
from sandbox.embedded.processes import Child
from sandbox.system import notifier_process
from tests.chaos.environment import TABLE, World
from tests.chaos.history import read_lines
from tests.waiting import SLOWNESS


class RunningSystem:
    """Its processes end with the block. `options` are settings that override those of the world."""

    def __init__(self, world: World, folder: Path, options: Mapping[str, str] | None = None) -> None:
        self.world = world
        self._folder = folder
        self._options = dict(options or {})
        self._stack = ExitStack()
        self.children: dict[str, Child] = {}
        self.broker = Broker(world.redis.url)
        self.fed = 0

    def start(
        self, name: str, *words: str, options: Mapping[str, str] | None = None, module: str = "notifier"
    ) -> Child:
        """Start `notifier WORDS`. `name` is that of its log file. `options` are settings of this process alone."""
        heartbeats = self._folder / "heartbeats" / name
        heartbeats.mkdir(parents=True, exist_ok=True)
        environment = {**self.world.environment, "NOTIFIER_HEARTBEAT_FOLDER": str(heartbeats), **self._options}
        environment |= options or {}
        child = self._stack.enter_context(notifier_process(name, words, self._folder, environment, module))
        self.children[name] = child
        return child

    def worker(self, name: str) -> Child:
        return self.start(name, "worker", "email", "--concurrency", "4", "--name", f"{name}@%h")

    def feed(self, count: int) -> None:
        """Write so many events, each for a recipient of its own."""
        numbers = range(self.fed, self.fed + count)
        items = [{"pk": f"{number}@example.com", "sk": "1", "number": number} for number in numbers]
        self.world.streams.post("put", table=TABLE, items=items)
        self.fed += count

    def accepted(self) -> int:
        return self.world.ses.accepted()

    def mails(self) -> Counter[str]:
        """How many mails SES accepted for each recipient."""
        return Counter(line["to"] for line in read_lines(self.world.ses.journal))

    def ended(self) -> dict[str, int]:
        """The exit codes of the processes that have ended."""
        return {name: code for name, child in self.children.items() if (code := child.exit_code) is not None}

    def until(self, condition: Callable[[], object], seconds: float) -> float:
        """Wait for the condition, as `wait_until` does. Return how many seconds it took, or raise TimeoutError."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() > began + seconds * SLOWNESS:
                raise TimeoutError(f"not within {seconds:g} seconds; logs: {self._folder}")
            time.sleep(0.02)
        return time.monotonic() - began

    def expected(self) -> set[str]:
        """Return the recipients of all events that were written."""
        return {f"{number}@example.com" for number in range(self.fed)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.close()
        self._stack.close()
