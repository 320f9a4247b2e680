"""Alarms when the shards of a table cannot be listed any more: in the log and by `notifier health bridge`."""

from collections.abc import Callable, Sequence

import structlog

from notifier.outbox import Discovery, TableDiscovery
from notifier.outbox.stream.status import DISCOVERY_ALARM_SECONDS
from notifier.process.clock import boottime

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 60.0
"""Six intervals of this watch. If it did not run for so long, the process was suspended or the database was away, and
the time for which it has watched starts at 0 again."""


class DiscoveryWatch:
    """Watches the tables of this bridge, whichever bridge lists them."""

    def __init__(self, discovery: Discovery, tables: Sequence[str], clock: Callable[[], float] = boottime) -> None:
        self._discovery = discovery
        self._tables = tables
        self._clock = clock
        self._since = clock()
        self._looked_at: float | None = None
        self._trouble = ""

    def trouble(self) -> str:
        """Return one line for `notifier health`, empty if all is well."""
        return self._trouble

    def run_once(self) -> None:
        """Look at the state of the discovery; log an alarm for each table that has a fault."""
        state = self._discovery.state()
        watched = self._watched()
        found = [fault(each, watched) for each in state if each.table in self._tables]
        faults = [each for each in found if each]
        for each in faults:
            log.error("ALARM: new shards are not found, and their records are lost after 24 hours", reason=each)
        self._trouble = "; ".join(faults)

    def _watched(self) -> float:
        """Return for how many seconds this watch has run without a pause."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at > _PAUSE_SECONDS:
            self._since = now
        self._looked_at = now
        return now - self._since


def fault(table: TableDiscovery, watched: float = float("inf")) -> str:
    """Return what is wrong with the discovery of a table, empty if nothing is. Pure.

    Only time in which a bridge tried counts: after a stop of all bridges there is no alarm. This process has tried
    for `watched` seconds. Other bridges may have tried for longer: that counts once this one has seen it.
    """
    tried = max(table.asking_seconds, watched) if table.asked_seconds < watched else watched
    if (seconds := min(table.seconds, tried)) > DISCOVERY_ALARM_SECONDS:
        reason = " ".join((table.error or "no answer").split())
        return f"the shards of {table.table} could not be listed for {seconds:.0f} s: {reason}"
    if min(table.childless_seconds, tried) > DISCOVERY_ALARM_SECONDS:
        return f"{table.childless} shards of {table.table} have ended and their children are not listed"
    return ""
