"""The tables of one account and Region, and their streams."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from simulators.shared.errors import ApiError, invalid
from simulators.streams.behaviour import Behaviour
from simulators.streams.errors import no_shard, no_stream
from simulators.streams.model.clock import Clock
from simulators.streams.model.record import VIEWS
from simulators.streams.model.sequence import Numbering
from simulators.streams.model.stream import ShardIds, Stream, StreamProperties
from simulators.streams.model.table import Table

_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[0-9T:.-]+")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_MAX_SHARDS = 10_000


class Account:
    """The tables and streams of the account."""

    def __init__(self, behaviour: Behaviour, clock: Clock) -> None:
        self.behaviour = behaviour
        self.clock = clock
        self.tables: dict[str, Table] = {}
        self.streams: dict[str, Stream] = {}
        random = Random(behaviour.seed)  # noqa: S311  the same ids and numbers for the same seed
        self._ids = ShardIds(random)
        self._numbering = Numbering(random)

    @property
    def now(self) -> float:
        return self.clock.now()

    def create(self, name: str, keys: Sequence[str]) -> Table:
        if not _NAME.fullmatch(name):
            raise invalid(f"'{name:.60}' is no name for a table: 3 to 255 letters, digits, '_', '-' and '.'")
        if len(keys) not in (1, 2) or not all(isinstance(key, str) and key for key in keys):
            raise invalid(f"a table has one or two keys, each with a name; not {keys!r:.60}")
        if name in self.tables:
            raise ApiError("ResourceInUseException", f"Table already exists: {name}")
        self.tables[name] = Table(name, keys)
        return self.tables[name]

    def drop(self, name: str) -> None:
        """Remove the table. Its stream can be read for another day."""
        table = self.table(name)
        if table.stream is not None:
            self.disable(name)
        del self.tables[name]

    def table(self, name: str) -> Table:
        try:
            return self.tables[name]
        except KeyError:
            raise ApiError("ResourceNotFoundException", f"Requested resource not found: Table: {name}") from None

    def enable(self, name: str, view: str, shards: int) -> Stream:
        """Return a new stream of the table, with an ARN that no stream had before."""
        table = self.table(name)
        if table.stream is not None:
            raise invalid(f"Table already has an enabled stream: TableName: {name}")
        if view not in VIEWS or not 0 <= shards <= _MAX_SHARDS:
            raise invalid(f"the view is one of {', '.join(VIEWS)}, and shards are 0 to {_MAX_SHARDS}")
        table.stream = Stream(self._properties(table, view), self._ids, self._numbering)
        table.stream.open(shards, self.behaviour, self.now)
        self.streams[table.stream.properties.arn] = table.stream
        return table.stream

    def disable(self, name: str) -> None:
        table = self.table(name)
        if table.stream is None:
            raise invalid(f"Table has no stream to disable: TableName: {name}")
        table.stream.disable(self.now)
        table.stream = None

    def stream(self, arn: str) -> Stream:
        """Raise ApiError if this is not an ARN, or not that of a stream which can still be read."""
        if not _ARN.fullmatch(arn):
            raise invalid(f"Invalid StreamArn: {arn:.100}")
        stream = self.streams.get(arn)
        if stream is None or stream.is_gone(self.now):
            raise no_stream(arn)
        return stream

    def stream_of(self, shard_id: str, arn: str | None) -> Stream:
        """Return the stream with this shard; `arn` is needed if several streams have one of this id."""
        if arn is not None:
            return self.stream(arn)
        found = [stream for stream in self.streams.values() if shard_id in stream.shards]
        if not found:
            raise no_shard()
        if len(found) > 1:
            raise invalid(f"{shard_id} is in {len(found)} streams: say which")
        return found[0]

    def _properties(self, table: Table, view: str) -> StreamProperties:
        region, account_id = self.behaviour.region, self.behaviour.account_id
        created = self.now
        while True:
            label = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
            arn = f"arn:aws:dynamodb:{region}:{account_id}:table/{table.name}/stream/{label}"
            if arn not in self.streams:
                return StreamProperties(arn, label, table.name, view, table.keys, created)
            created += 0.001
