"""How a unit's notifications become ready to be sent: loaded, built, rendered; in portions, as they come."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from uuid import UUID

from notifier.outbox import LARGE, Change, DueNotification
from notifier.process.memory_budget import MemoryBudget, WaitAborted
from workers.building.pool import TIMEOUT_SECONDS, BuildPool
from workers.building.preparer import Prepared, Preparer
from workers.building.unit_builds import Aside
from workers.decide import not_isolated
from workers.isolation.isolated_builds import AT_ONCE, IsolatedBuilds
from workers.process.in_progress import InProgress
from workers.process.stop import Stop

_ALONE_SLOW_SECONDS = 5.0  # their processes take one or two to start
_ALONE_SECONDS = 120.0
"""What a build alone may take beside its route's own time: processes start, and die. `IsolatedBuilds` keeps that
time itself, from when the build begins; what waits longer for its process has failed in nothing.
"""

ROOM_BYTES = 8_000_000
"""Of large records at once, in all units of a process. What a route and the templates make of one is several times as
large for a moment.
"""

Fill = Callable[[Sequence[DueNotification]], list[DueNotification]]
"""Loads the records that are large."""


class Builder:
    """All builds of one channel in this process. Safe to share between threads.

    Without `alone` what killed a worker is built like all else.
    """

    def __init__(
        self,
        preparation: Preparer,
        underway: InProgress,
        stop: Stop,
        room: MemoryBudget | None,
        alone: IsolatedBuilds | None,
    ) -> None:
        self._preparation = preparation.when_out_of_memory(self._out_of_memory) if alone else preparation
        self._underway = underway
        self._stop = stop
        self._room = room or MemoryBudget(ROOM_BYTES)
        self._alone = alone
        self._alone_now: set[UUID] = set()
        self.builds = BuildPool(underway, stop=stop)
        self._builds_alone = BuildPool(underway, threads=AT_ONCE, slow=_ALONE_SLOW_SECONDS, stop=stop)

    def portions(
        self, works: Sequence[DueNotification], fill: Fill, aside: Aside[Prepared | Change] | None, *, suspects: bool
    ) -> Generator[list[Prepared | Change], None, None]:
        """What becomes of the works, as it comes. Ends early once this process is to end.

        Builds that are slow are left to `aside`, where there is one. Raises what `fill` raises.
        """
        with closing(self._filled(works, fill)) as filled:
            for portion in filled:
                if self._stop.is_set():
                    return
                with closing(self._built(portion, aside, suspects=suspects)) as built:
                    yield from built

    def mark(self, ids: Sequence[UUID]) -> None:
        """A worker was lost with the messages of these."""
        if self._alone:
            self._alone.mark(ids)

    def leave(self) -> None:
        """The process ends."""
        if self._alone:
            self._alone.leave()

    def ended(self, prepared: Sequence[Prepared | Change]) -> None:
        """What became of these is written."""
        if self._alone:
            ids = [each.id if isinstance(each, Change) else each.work.id for each in prepared]
            if self._alone_now:
                self._alone_now.difference_update(ids)
            self._alone.ended(ids)

    def _filled(
        self, works: Sequence[DueNotification], fill: Fill
    ) -> Generator[Sequence[DueNotification], None, None]:
        """The works with their records: mostly all at once, but only so many bytes of large ones."""
        large = [each for each in works if each.size > LARGE]
        if not large:
            yield works
            return
        if small := [each for each in works if each.size <= LARGE]:
            yield small
        ids = [each.id for each in large]
        for portion in portions(large, self._room.size // 2):
            self._underway.moved(ids)
            try:
                with self._room.reserve(sum(each.size for each in portion), partial(self._waits, ids)):
                    yield fill(portion)
            except WaitAborted:
                return

    def _waits(self, ids: Sequence[UUID]) -> bool:
        """These wait for room, which another unit may hold for long: they do not hang. Whether to go on with that."""
        self._underway.moved(ids)
        return not self._stop.is_set()

    def _built(
        self, works: Sequence[DueNotification], aside: Aside[Prepared | Change] | None, *, suspects: bool
    ) -> Generator[list[Prepared | Change], None, None]:
        if suspects and self._alone:
            return self._builds_alone.run(
                works, self._build_alone, self._late_alone, timeout=self._timeout_alone, aside=aside
            )
        return self.builds.run(works, self._preparation.prepare, self._late, timeout=self._timeout, aside=aside)

    def _build_alone(self, work: DueNotification) -> Prepared | Change:
        assert self._alone  # noqa: S101  narrows the type
        return self._alone.build(work, self._timeout_of(work))

    def _out_of_memory(self, work: DueNotification) -> Prepared | Change:
        """It may be the fault of a build beside it: alone it shows. That takes its own time."""
        self._alone_now.add(work.id)
        return self._build_alone(work)

    def _late(self, work: DueNotification, hangs: bool) -> Change:
        if work.id in self._alone_now:
            return self._late_alone(work, hangs)
        return self._preparation.not_built(work, hangs)

    def _late_alone(self, work: DueNotification, hangs: bool) -> Change:
        if self._alone and self._alone.in_worker(work.id):
            return self._preparation.not_built(work, hangs)
        return not_isolated(work, "no process was free in time")

    def _timeout_of(self, work: DueNotification) -> float:
        return self._preparation.timeout(work) or TIMEOUT_SECONDS

    def _timeout(self, work: DueNotification) -> float:
        return self._timeout_alone(work) if work.id in self._alone_now else self._timeout_of(work)

    def _timeout_alone(self, work: DueNotification) -> float:
        return self._timeout_of(work) + _ALONE_SECONDS


def portions(works: Sequence[DueNotification], size: int) -> Iterator[list[DueNotification]]:
    """The works in portions whose records have at most `size` bytes together; a larger one is a portion alone."""
    portion: list[DueNotification] = []
    used = 0
    for work in works:
        if portion and used + work.size > size:
            yield portion
            portion, used = [], 0
        portion.append(work)
        used += work.size
    if portion:
        yield portion
