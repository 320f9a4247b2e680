"""Makes the notifications of a unit ready to be sent: large records are loaded, then all are built and rendered.

Builds run in threads of this process (`BuildPool`). Notifications whose worker died are built in processes of their
own (`IsolatedBuilds`).
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Protocol
from uuid import UUID

from notifier.outbox import LARGE, Change, DueNotification
from notifier.process.memory_budget import MemoryBudget, WaitAborted
from workers.building.pool import TIMEOUT_SECONDS, BuildPool
from workers.building.preparer import Prepared
from workers.building.set_aside import UnitAside
from workers.decide import not_isolated
from workers.isolation.isolated_builds import AT_ONCE
from workers.process.in_progress import InProgress
from workers.process.stop import Stop

LARGE_RECORDS_BYTES = 8_000_000
"""Bytes of large records that the units of a process load at once. While it builds one, a route with its template
needs several times as much memory.
"""
_ISOLATED_SLOW_SECONDS = 5.0  # a process takes one or two seconds to start
_ISOLATED_EXTRA_SECONDS = 120.0
"""What an isolated build may take in addition to its route's timeout, because processes start and die.
`IsolatedBuilds` applies the route's timeout itself, from when the build begins; the wait for a process is no failure
of the route.
"""

LoadRecords = Callable[[Sequence[DueNotification]], list[DueNotification]]
"""Returns the notifications with their records, which were left out because they are large."""


class MessagePreparer(Protocol):
    """Prepares the notifications of a channel: `Preparer`, or TracedPreparer around it. The methods are its."""

    def when_out_of_memory(self, call: Callable[[DueNotification], Prepared | Change]) -> "MessagePreparer": ...

    def prepare(self, due: DueNotification) -> Prepared | Change: ...

    def not_built(self, due: DueNotification, hangs: bool) -> Change: ...

    def timeout(self, due: DueNotification) -> float | None: ...


class Isolation(Protocol):
    """Builds in isolation: `IsolatedBuilds`, or TracedBuilds around them. The methods are theirs."""

    def mark(self, ids: Sequence[UUID]) -> None: ...

    def build(self, due: DueNotification, timeout: float) -> Prepared | Change: ...

    def ended(self, ids: Iterable[UUID]) -> None: ...

    def leave(self) -> None: ...

    def in_worker(self, id_: UUID) -> bool: ...


class Builder:
    """All builds of one channel in this process. Safe to share between threads."""

    def __init__(
        self,
        preparer: MessagePreparer,
        in_progress: InProgress,
        stop: Stop,
        memory: MemoryBudget | None,
        isolated: Isolation | None,
    ) -> None:
        """Without `isolated`, what killed a worker is built like everything else."""
        self._preparer = preparer.when_out_of_memory(self._out_of_memory) if isolated else preparer
        self._in_progress = in_progress
        self._stop = stop
        self._memory = memory or MemoryBudget(LARGE_RECORDS_BYTES)
        self._isolated = isolated
        self._isolated_now: set[UUID] = set()
        """Built in isolation within a unit of others, because they raised MemoryError there."""
        self.pool = BuildPool(in_progress, stop=stop)
        self._isolated_pool = BuildPool(in_progress, AT_ONCE, slow_seconds=_ISOLATED_SLOW_SECONDS, stop=stop)

    def batches(
        self,
        unit: Sequence[DueNotification],
        load: LoadRecords,
        aside: UnitAside[Prepared | Change] | None,
        *,
        suspects: bool,
    ) -> Generator[list[Prepared | Change], None, None]:
        """Yield what is ready to be sent, or decided without a request, in batches as it comes.

        Ends early once this process is to end. With `aside`, slow builds are set aside. Raise what `load` raises.
        """
        with closing(self._loaded(unit, load)) as loaded:
            for part in loaded:
                if self._stop.is_set():
                    return
                with closing(self._built(part, aside, suspects=suspects)) as built:
                    yield from built

    def threads(self) -> tuple[int, int]:
        """Return how many threads build, or wait for a build, and how many of them hang."""
        pools = (self.pool, self._isolated_pool)
        return sum(each.alive for each in pools), sum(each.hanging for each in pools)

    def mark(self, ids: Sequence[UUID]) -> None:
        """Note that a worker died with the messages of these: they are suspects."""
        if self._isolated:
            self._isolated.mark(ids)

    def leave(self) -> None:
        """The process ends."""
        if self._isolated:
            self._isolated.leave()

    def ended(self, prepared: Sequence[Prepared | Change]) -> None:
        """Note that the changes of these are written."""
        if self._isolated:
            if self._isolated_now:
                self._isolated_now.difference_update(map(_id, prepared))
            self._isolated.ended(map(_id, prepared))

    def _loaded(
        self, unit: Sequence[DueNotification], load: LoadRecords
    ) -> Generator[Sequence[DueNotification], None, None]:
        """Yield them with their records: mostly all at once, but large ones within the memory budget."""
        large = [each for each in unit if each.size > LARGE]
        if not large:
            yield unit
            return
        if small := [each for each in unit if each.size <= LARGE]:
            yield small
        ids = [each.id for each in large]
        for part in _parts(large, self._memory.size // 2):
            self._in_progress.touch(ids)
            try:
                with self._memory.reserve(sum(each.size for each in part), partial(self._goes_on, ids)):
                    yield load(part)
            except WaitAborted:
                return

    def _goes_on(self, ids: Sequence[UUID]) -> bool:
        """Return whether to keep waiting for memory. Another unit may use it for long: these do not count as hung."""
        self._in_progress.touch(ids)
        return not self._stop.is_set()

    def _built(
        self, unit: Sequence[DueNotification], aside: UnitAside[Prepared | Change] | None, *, suspects: bool
    ) -> Generator[list[Prepared | Change], None, None]:
        if suspects and self._isolated:
            return self._isolated_pool.run(
                unit, self._build_isolated, self._late_isolated, timeout=self._timeout_isolated, aside=aside
            )
        return self.pool.run(unit, self._preparer.prepare, self._late, timeout=self._timeout, aside=aside)

    def _build_isolated(self, due: DueNotification) -> Prepared | Change:
        assert self._isolated  # noqa: S101  narrows the type
        return self._isolated.build(due, self._route_timeout(due))

    def _out_of_memory(self, due: DueNotification) -> Prepared | Change:
        """Build it again in isolation: another build of this process may have used the memory."""
        self._isolated_now.add(due.id)
        return self._build_isolated(due)

    def _late(self, due: DueNotification, hangs: bool) -> Change:
        if due.id in self._isolated_now:
            return self._late_isolated(due, hangs)
        return self._preparer.not_built(due, hangs)

    def _late_isolated(self, due: DueNotification, hangs: bool) -> Change:
        if self._isolated and self._isolated.in_worker(due.id):
            return self._preparer.not_built(due, hangs)
        return not_isolated(due, "no process was free in time")

    def _route_timeout(self, due: DueNotification) -> float:
        return self._preparer.timeout(due) or TIMEOUT_SECONDS

    def _timeout(self, due: DueNotification) -> float:
        return self._timeout_isolated(due) if due.id in self._isolated_now else self._route_timeout(due)

    def _timeout_isolated(self, due: DueNotification) -> float:
        return self._route_timeout(due) + _ISOLATED_EXTRA_SECONDS


def _id(prepared: Prepared | Change) -> UUID:
    return prepared.id if isinstance(prepared, Change) else prepared.due.id


def _parts(due: Sequence[DueNotification], size: int) -> Iterator[list[DueNotification]]:
    """Yield them in parts whose records have at most `size` bytes together; a larger record is a part of its own."""
    part: list[DueNotification] = []
    used = 0
    for each in due:
        if part and used + each.size > size:
            yield part
            part, used = [], 0
        part.append(each)
        used += each.size
    if part:
        yield part
