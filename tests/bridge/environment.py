"""Runs whole bridges in threads of this process, on a stream of the simulator and real servers."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from bridge.bridge import Bridge
from bridge.wiring import wired
from notifier.settings import Settings
from sandbox.embedded.streams import StreamsServer


class BridgeEnvironment:
    """The servers and settings that bridges run with, and the table that they read."""

    def __init__(self, database_url: str, broker_url: str, streams: StreamsServer) -> None:
        self.streams = streams
        self._common: dict[str, Any] = {
            "database_url": database_url,
            "broker_url": broker_url,
            "aws_endpoint_url": streams.url,
            "aws_region": "eu-west-1",
            "tables": ("activity",),
            "routes": "tests.bridge.routes",
        }

    @contextmanager
    def bridge(self, before_start: Callable[[], None] = lambda: None, **options: Any) -> Iterator[Bridge]:
        """Run a bridge for as long as the block lasts. `before_start` is called when it has checked all."""
        with wired(Settings.model_validate({**self._common, **options}), before_start) as bridge:
            thread = threading.Thread(target=bridge.run, name="bridge")
            thread.start()
            try:
                yield bridge
            finally:
                bridge.stop()
                thread.join(30)

    def put(self, users: Iterable[int], n: int = 0) -> None:
        """Write a friend request to each of these users. Each has one item: another `n` changes it."""
        items = [{"pk": f"user#{user}", "sk": "1", "type": "friend_request", "n": n} for user in users]
        self.streams.post("put", table="activity", items=items)

    def truth(self) -> list[dict[str, Any]]:
        """Return every record that the simulator has made."""
        records: list[dict[str, Any]] = self.streams.get("truth")["records"]
        return records

    def open_shards(self) -> list[str]:
        shards = self.streams.get("truth?records=0")["shards"]
        return [shard["shard"] for shard in shards if not shard["closed"]]
