"""The demo: events are written to a table, and each must come out as exactly one mail."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from examples.activity import sample_items
from notifier.database import connect
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.reconciliation import Reconciliation, reconcile
from sandbox.system import TABLE, System

_STALLED_SECONDS = 30.0
_PATIENCE = 20  # the question reads all history: it may take a twentieth of the time
_SETTLING = (Status.PENDING, Status.SENDING)

Counter = Callable[[str, int], None]
"""Is told what is counted, `written` or `accepted`, and how many there are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult(Reconciliation):
    """What came out: the reconciliation with the provider's journal, and what our own tables say beside it."""

    records: int
    notifications: int
    unknown: int
    seconds: float
    events_per_second: float

    def summary(self) -> dict[str, float]:
        """What `--json` prints: a shape that other tools rely on."""
        names = ("events", "records", "notifications", "accepted", "lost", "duplicated", "unknown", "seconds")
        return {name: getattr(self, name) for name in (*names, "events_per_second")}


def run_demo(system: System, events: int, progress: Counter) -> DemoResult:
    """Start a bridge and a worker, write the events, wait until all are settled, and count."""
    system.start("bridge", "bridge")
    system.start("worker", "worker", "email")
    began = time.monotonic()
    written: list[str] = []
    for item in system.table(TABLE).write(sample_items(events)):
        written.append(item["to"])
        progress("written", len(written))
        progress("accepted", system.ses.accepted())
    _until_settled(system, len(written), progress)
    seconds = time.monotonic() - began
    return _result(system, reconcile(written, system.ses.recipients()), seconds)


def _until_settled(system: System, events: int, progress: Counter) -> None:
    """Wait until each event has a mail and each delivery has its outcome, or nothing moves any more."""
    engine = connect(system.postgres.url("notifier"))
    report, ask_at = Report(engine), 0.0
    try:
        for accepted in _while_it_moves(system):
            progress("accepted", accepted)
            asked = time.monotonic()
            if accepted < events or asked < ask_at:
                continue
            totals = report.totals()
            if not any(totals.get(each) for each in _SETTLING):
                return
            ask_at = time.monotonic() + _PATIENCE * (time.monotonic() - asked)
    finally:
        engine.dispose()


def _while_it_moves(system: System) -> Iterator[int]:
    """The number of accepted mails, ten times a second, until it stands still for too long."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < _STALLED_SECONDS:
        system.check()
        if (accepted := system.ses.accepted()) != last:
            last, since = accepted, time.monotonic()
        yield accepted
        time.sleep(0.1)


def _result(system: System, counted: Reconciliation, seconds: float) -> DemoResult:
    engine = connect(system.postgres.url("notifier"))
    try:
        report = Report(engine)
        totals = report.totals()
        records = sum(row["records_read"] for row in report.shards())
    finally:
        engine.dispose()
    return DemoResult(
        **asdict(counted),
        records=records,
        notifications=sum(totals.values()),
        unknown=totals.get(Status.UNKNOWN, 0),
        seconds=round(seconds, 2),
        events_per_second=round(counted.accepted / seconds, 1),
    )
