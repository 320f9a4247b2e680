"""Run the demo and count its result."""

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from examples.activity import sample_items
from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.demo.reconciliation import Reconciliation, reconcile
from sandbox.system import TABLE, System

_STALLED_SECONDS = 30.0
_PAUSE_FACTOR = 20  # the query reads all rows: it may take a twentieth of the time
_SETTLING = (Status.PENDING, Status.SENDING)
_WITHOUT_RESULT = (*_SETTLING, Status.SENT, Status.UNKNOWN)

Counter = Callable[[str, int], None]
"""Called with what is counted, `written` or `accepted`, and the count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult(Reconciliation):
    """The reconciliation with the provider's journal, and the counts of our own tables."""

    records: int
    notifications: int
    delivered: int
    unknown: int
    seconds: float
    events_per_second: float

    def summary(self) -> dict[str, float]:
        """What `--json` prints. Other tools rely on its members."""
        names = ("events", "records", "notifications", "accepted", "lost", "duplicated", "unknown", "seconds")
        return {name: getattr(self, name) for name in (*names, "events_per_second")}


def run_demo(system: System, events: int, progress: Counter) -> DemoResult:
    """Start the processes, write the events, wait until all are sent and their results known. Return the counts."""
    system.start("bridge", "bridge")
    system.start("worker", "worker", "email")
    system.start("feedback", "feedback")
    began = time.monotonic()
    written: list[str] = []
    for item in system.table(TABLE).write(sample_items(events)):
        written.append(item["to"])
        progress("written", len(written))
        progress("accepted", system.ses.accepted())
    _until_none(system, _SETTLING, len(written), progress)
    seconds = time.monotonic() - began
    _until_none(system, _WITHOUT_RESULT, len(written), progress)
    return _result(system, reconcile(written, system.ses.recipients()), seconds)


def _until_none(system: System, statuses: Collection[Status], events: int, progress: Counter) -> None:
    """Wait until each event has a mail and no delivery has one of `statuses`, or until nothing changes for 30 s."""
    engine = connect(system.postgres.url("notifier"))
    report, ask_at, left = Report(engine), 0.0, events
    seen, since = (-1, left), time.monotonic()
    try:
        while left and time.monotonic() - since < _STALLED_SECONDS:
            system.check()
            progress("accepted", accepted := system.ses.accepted())
            asked = time.monotonic()
            if accepted >= events and asked >= ask_at:
                totals = report.totals()
                left = sum(totals.get(each, 0) for each in statuses)
                ask_at = time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - asked)
            if (now := (accepted, left)) != seen:
                seen, since = now, time.monotonic()
            time.sleep(0.1 if left else 0)
    finally:
        engine.dispose()


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
        delivered=totals.get(Status.DELIVERED, 0),
        unknown=totals.get(Status.UNKNOWN, 0),
        seconds=round(seconds, 2),
        events_per_second=round(counted.accepted / seconds, 1),
    )
