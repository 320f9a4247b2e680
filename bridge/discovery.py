"""Tells when the shards of a table are not found any more, by the log and by `notifier health bridge`."""

from collections.abc import Sequence

import structlog

from notifier.lag import DISCOVERY_SECONDS
from notifier.outbox import Discovery, TableDiscovery

log = structlog.get_logger(__name__)


class DiscoveryWatch:
    """Looks at the tables of this bridge, whichever bridge lists them."""

    def __init__(self, discovery: Discovery, tables: Sequence[str]) -> None:
        self._discovery = discovery
        self._tables = tables
        self._trouble = ""

    def trouble(self) -> str:
        """One line for `notifier health`, empty where all is well."""
        return self._trouble

    def run_once(self) -> None:
        found = [fault(each) for each in self._discovery.state() if each.table in self._tables]
        faults = [each for each in found if each]
        for each in faults:
            log.error("ALARM: new shards are not found, and their records are lost after 24 hours", reason=each)
        self._trouble = "; ".join(faults)


def fault(table: TableDiscovery) -> str:
    """What is wrong with the discovery of a table, empty where nothing is. Pure."""
    if table.seconds > DISCOVERY_SECONDS:
        reason = " ".join((table.error or "no answer").split())
        return f"the shards of {table.table} could not be listed for {table.seconds:.0f} s: {reason}"
    if table.childless_seconds > DISCOVERY_SECONDS:
        return f"{table.childless} shards of {table.table} have ended and their children are not listed"
    return ""
