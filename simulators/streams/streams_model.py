"""DynamoDB Streams without I/O: writes to tables, changes of shards, and the four operations of the API."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from simulators.shared.fields import Json
from simulators.streams.behaviour import Behaviour
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
    """One account. Without a `clock`, time stands still until `advance`. Methods raise ApiError as AWS would.

    Example::

        model = StreamsModel()
        arn = model.create_table("activity")
        [record] = model.put("activity", [{"pk": "a", "sk": "b"}])
        page = model.get_records(model.get_shard_iterator(arn, record.shard, "TRIM_HORIZON"))
    """

    def __init__(self, behaviour: Behaviour | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._account = Account(behaviour or Behaviour(), self.clock)
        self._listing = Listing(self._account)
        self._reading = Reading(self._account)

    @property
    def account(self) -> Account:
        """The account, after everything that was planned up to now."""
        self.clock.catch_up()
        return self._account

    @property
    def behaviour(self) -> Behaviour:
        """The settings; they may be replaced at any time."""
        return self._account.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._account.behaviour = behaviour

    # What applications and operators do.

    def create_table(
        self, table: str, shards: int = 1, keys: Sequence[str] = ("pk", "sk"), view: str = NEW_AND_OLD
    ) -> str:
        """Create a table with a stream; return the ARN of the stream."""
        self.account.create(table, keys)
        return self.enable(table, view, shards)

    def create_table_without_stream(self, table: str, keys: Sequence[str] = ("pk", "sk")) -> None:
        self.account.create(table, keys)

    def drop_table(self, table: str) -> None:
        self.account.drop(table)

    def enable(self, table: str, view: str = NEW_AND_OLD, shards: int = 1) -> str:
        """Enable the stream of a table; return its new ARN."""
        return self.account.enable(table, view, shards).properties.arn

    def disable(self, table: str) -> None:
        """Disable the stream of a table: its shards close, and can be read for another day."""
        self.account.disable(table)

    def put(self, table: str, items: Iterable[Mapping[str, object]]) -> list[AcknowledgedWrite]:
        """Write items of Python values. Return the records; a write that changes nothing has none."""
        return self._write(table, [attributes(item) for item in items], Table.put)

    def put_wire(self, table: str, items: Iterable[Item]) -> list[AcknowledgedWrite]:
        """Write items in the JSON of DynamoDB. Return the records, as `put`."""
        return self._write(table, [checked(item) for item in items], Table.put)

    def delete(
        self, table: str, keys: Iterable[Mapping[str, object]], *, by_ttl: bool = False
    ) -> list[AcknowledgedWrite]:
        """Delete items by their keys. Return the records, as `put`."""
        wires = [attributes(key) for key in keys]
        return self._write(table, wires, lambda held, key: held.delete(key, by_ttl=by_ttl))

    # What AWS does without being asked.

    def split(self, shard: str, stream: str | None = None) -> list[str]:
        """Close a shard and open two children; return their ids."""
        return self._replace(shard, 2, stream)

    def rotate(self, shard: str, stream: str | None = None) -> list[str]:
        """Close a shard and open one child; return its id in a list."""
        return self._replace(shard, 1, stream)

    def vanish(self, shard: str, stream: str | None = None) -> None:
        """Remove a shard with its records, whether or not they were read."""
        account = self.account
        account.stream_of(shard, stream).vanish(shard, account.behaviour, account.now)

    def load(self, spec: loading.Load) -> loading.Loaded:
        """Add shards with prepared records."""
        return loading.load(self.account, spec)

    def acknowledged(self) -> list[AcknowledgedWrite]:
        """Return every record that was ever written, by stream and shard."""
        return list(acknowledged(self.account))

    # Time.

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def at(self, time: float, action: Callable[[], object]) -> None:
        """Call `action` when the clock reaches `time`, in seconds since the epoch."""
        self.clock.at(time, action)

    # The four operations of the API.

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

    def get_empty_page(self, iterator: str) -> Page:
        """GetRecords with an empty page though there are records, as AWS may return it."""
        self.clock.catch_up()
        return self._reading.empty_page(iterator)

    def _write(
        self, table: str, items: Sequence[Item], make: Callable[[Table, Item], Change | None]
    ) -> list[AcknowledgedWrite]:
        account = self.account
        held = account.table(table)
        for item in items:  # before the first write, so that all are written or none
            held.keys_of(item)
        return [one for one in (write(account, held, item, make) for item in items) if one is not None]

    def _replace(self, shard: str, parts: int, stream: str | None) -> list[str]:
        account = self.account
        children = account.stream_of(shard, stream).replace(shard, parts, account.behaviour, account.now)
        return [child.shard_id for child in children]
