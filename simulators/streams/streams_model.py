"""DynamoDB Streams without I/O: tables that are written to, shards that change, and the four calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulators.streams.behaviour import Behaviour
from simulators.streams.fields import Json
from simulators.streams.load import load as loading
from simulators.streams.model.account import Account
from simulators.streams.model.attributes import attributes, checked
from simulators.streams.model.clock import Clock
from simulators.streams.model.listing import Listing
from simulators.streams.model.reading import Page, Reading
from simulators.streams.model.record import AcknowledgedWrite, Change, Item
from simulators.streams.model.table import Table
from simulators.streams.model.writing import write
from simulators.streams.truth import acknowledged

NEW_AND_OLD = "NEW_AND_OLD_IMAGES"


class StreamsModel:
    """One account. The clock is virtual unless another is given. Every method raises ApiError as AWS would."""

    def __init__(self, behaviour: Behaviour | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._account = Account(behaviour or Behaviour(), self.clock)
        self._listing = Listing(self._account)
        self._reading = Reading(self._account)

    @property
    def account(self) -> Account:
        """With all done that is due."""
        self.clock.catch_up()
        return self._account

    @property
    def behaviour(self) -> Behaviour:
        """What it is like; may be set to another one at any time."""
        return self._account.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._account.behaviour = behaviour

    # What an application and its operators do.

    def create_table(
        self, table: str, shards: int = 1, keys: Sequence[str] = ("pk", "sk"), view: str = NEW_AND_OLD
    ) -> str:
        """A table with a stream; answers the ARN."""
        self.account.create(table, keys)
        return self.enable(table, view, shards)

    def create_table_without_stream(self, table: str, keys: Sequence[str] = ("pk", "sk")) -> None:
        self.account.create(table, keys)

    def drop_table(self, table: str) -> None:
        self.account.drop(table)

    def enable(self, table: str, view: str = NEW_AND_OLD, shards: int = 1) -> str:
        """Switch the stream on: a new ARN."""
        return self.account.enable(table, view, shards).title.arn

    def disable(self, table: str) -> None:
        """Switch the stream off: its shards close, and can be read for a day."""
        self.account.disable(table)

    def put(self, table: str, items: Iterable[Mapping[str, object]]) -> list[AcknowledgedWrite]:
        """Write items of Python values. Answers the records; a write that changes nothing has none."""
        return self._write(table, [attributes(item) for item in items], Table.put)

    def put_wire(self, table: str, items: Iterable[Item]) -> list[AcknowledgedWrite]:
        """Write items in DynamoDB's JSON."""
        return self._write(table, [checked(item) for item in items], Table.put)

    def delete(
        self, table: str, keys: Iterable[Mapping[str, object]], *, by_ttl: bool = False
    ) -> list[AcknowledgedWrite]:
        """Delete items by their keys."""
        wires = [attributes(key) for key in keys]
        return self._write(table, wires, lambda held, key: held.delete(key, by_ttl=by_ttl))

    # What AWS does by itself.

    def split(self, shard: str, stream: str | None = None) -> list[str]:
        """Two children take the shard's place."""
        return self._replace(shard, 2, stream)

    def rotate(self, shard: str, stream: str | None = None) -> list[str]:
        """One child takes the shard's place."""
        return self._replace(shard, 1, stream)

    def vanish(self, shard: str, stream: str | None = None) -> None:
        """Nobody knows the shard any more, read or not."""
        account = self.account
        account.stream_of(shard, stream).vanish(shard, account.behaviour, account.now)

    def load(self, spec: loading.Load) -> loading.Loaded:
        """Shards full of prepared records."""
        return loading.load(self.account, spec)

    def acknowledged(self) -> list[AcknowledgedWrite]:
        """Every record there ever was, by stream and shard: for an oracle."""
        return list(acknowledged(self.account))

    # Time.

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def at(self, time: float, action: Callable[[], object]) -> None:
        """Do this when the clock shows `time`."""
        self.clock.at(time, action)

    # The four calls.

    def list_streams(
        self, table: str | None = None, limit: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        self.clock.catch_up()
        return self._listing.list_streams(table, limit, after)

    def describe_stream(
        self, arn: str, limit: int | None = None, after: str | None = None, shard_filter: Json | None = None
    ) -> dict[str, Any]:
        self.clock.catch_up()
        return self._listing.describe_stream(arn, limit, after, shard_filter)

    def get_shard_iterator(self, arn: str, shard: str, kind: str, number: str | None = None) -> str:
        self.clock.catch_up()
        return self._reading.shard_iterator(arn, shard, kind, number)

    def get_records(self, iterator: str, limit: int | None = None) -> Page:
        self.clock.catch_up()
        return self._reading.records(iterator, limit)

    def get_nothing(self, iterator: str) -> Page:
        """GetRecords when it comes back empty without a reason, as it may."""
        self.clock.catch_up()
        return self._reading.nothing(iterator)

    def _write(
        self, table: str, items: Sequence[Item], make: Callable[[Table, Item], Change | None]
    ) -> list[AcknowledgedWrite]:
        account = self.account
        held = account.table(table)
        for item in items:  # all of them or none
            held.keys_of(item)
        return [one for one in (write(account, held, item, make) for item in items) if one is not None]

    def _replace(self, shard: str, parts: int, stream: str | None) -> list[str]:
        account = self.account
        children = account.stream_of(shard, stream).replace(shard, parts, account.behaviour, account.now)
        return [child.shard_id for child in children]
