"""GetShardIterator and GetRecords."""

from dataclasses import dataclass, replace

from simulators.shared.errors import invalid
from simulators.shared.fields import check_between
from simulators.streams.errors import expired, trimmed
from simulators.streams.model.account import Account
from simulators.streams.model.iterators import Position, position
from simulators.streams.model.limits import Rates, Readers, limit_exceeded
from simulators.streams.model.shard import Shard

PAGE_RECORDS = 1000

_BY_NUMBER = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
_BY_PLACE = ("TRIM_HORIZON", "LATEST")
_SHORTEST, _LONGEST = 21, 40


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to GetRecords. `body` is the JSON array of the records without its brackets. Without `next_iterator`
    the shard has ended.
    """

    body: bytes
    count: int
    next_iterator: str | None


class Reading:
    """Answers GetShardIterator and GetRecords."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._rates = Rates()
        self._readers = Readers()
        self._started = 0

    def shard_iterator(self, arn: str, shard_id: str, kind: str, number: str | None = None) -> str:
        _check(kind, number)
        shard = self._account.stream(arn).known(shard_id, self._account.now)
        self._started += 1
        place = self._place(shard, kind, number)
        return Position(arn, shard_id, place, self._account.now, self._started).as_iterator()

    def records(self, iterator: str, limit: int | None = None) -> Page:
        check_between("limit", limit, 1, PAGE_RECORDS)
        at = position(iterator)
        shard = self._shard(at)
        now = self._account.now
        if at.place < shard.log.horizon(now):
            raise trimmed()
        waiting = shard.log.end(now) - at.place
        if waiting and at.empties < self._account.behaviour.empty_run:
            return self._page(replace(at, empties=at.empties + 1), b"", 0)
        body, count = shard.log.page(at.place, min(limit or PAGE_RECORDS, waiting), now) if waiting else (b"", 0)
        if count == waiting and shard.is_closed(now):
            return Page(body, count, None)
        return self._page(replace(at, place=at.place + count, empties=0), body, count)

    def empty_page(self, iterator: str) -> Page:
        """Return an empty page, as AWS may return it at any time before the end."""
        at = position(iterator)
        self._shard(at)
        return self._page(at, b"", 0)

    def _page(self, following: Position, body: bytes, count: int) -> Page:
        return Page(body, count, replace(following, issued=self._account.now).as_iterator())

    def _shard(self, at: Position) -> Shard:
        now = self._account.now
        if at.is_expired(now):
            raise expired()
        shard = self._account.stream(at.arn).known(at.shard_id, now)
        behaviour = self._account.behaviour
        name = (at.arn, at.shard_id)
        if not self._readers.admits(name, at.reader, behaviour.readers_per_shard, now):
            raise limit_exceeded("more processes read this shard than may")
        if not self._rates.admits(f"{at.arn} {at.shard_id}", behaviour.calls_per_shard, now):
            raise limit_exceeded("this shard is read too often")
        return shard

    def _place(self, shard: Shard, kind: str, number: str | None) -> int:
        now = self._account.now
        horizon = shard.log.horizon(now)
        if number is None:
            return horizon if kind == "TRIM_HORIZON" else shard.log.end(now)
        wanted = int(number)
        numbers = shard.log.numbers
        if wanted < numbers.first or numbers.place(wanted) < horizon:
            raise trimmed()
        return min(numbers.place(wanted + (kind == "AFTER_SEQUENCE_NUMBER")), shard.log.end(now))


def _check(kind: str, number: str | None) -> None:
    if kind not in _BY_NUMBER + _BY_PLACE:
        raise invalid(
            f"1 validation error detected: Value '{kind:.60}' at 'shardIteratorType' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(_BY_NUMBER + _BY_PLACE)}]"
        )
    if kind in _BY_NUMBER and not number:
        raise invalid(f"SequenceNumber is required for ShardIteratorType {kind}")
    if kind in _BY_PLACE and number:
        raise invalid(f"SequenceNumber must not be given for ShardIteratorType {kind}")
    if number and not (number.isascii() and number.isdigit() and _SHORTEST <= len(number) <= _LONGEST):
        raise invalid(f"Invalid SequenceNumber: {number:.60}")
