"""The alarms of old days. The clocks of Postgres and of the bridge go on by days, where libfaketime is installed."""

import tempfile
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.alarms.faults import causes
from tests.alarms.watched import BEHIND, Watched, alarm, of_process
from tests.chaos.processes import faketime

pytestmark = pytest.mark.timeout(500)

PROCESSES = ("worker", "feedback")
KEEP_DAYS = 3
OPTIONS = {"NOTIFIER_KEEP_DAYS": str(KEEP_DAYS)}
SKEWED = "tests.chaos.faults.skewed"
ARN = "arn:aws:sqs:eu-west-1:000000000000:product"


class Clock:
    """The clock of the processes that have its `environment`."""

    def __init__(self, library: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="notifier-clock-")
        Path(self._folder.name).chmod(0o755)  # Postgres may run as another user
        self._file = Path(self._folder.name) / "offset"
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.be_ahead(0)

    def be_ahead(self, days: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"+{days}d\n")
        new.replace(self._file)  # never half written


clocks: list[Clock] = []


def prepare(watched: Watched) -> None:
    library = faketime()
    if library is None:
        pytest.skip("needs libfaketime")
    clocks.append(Clock(library))
    watched.world.postgres.environment = clocks[0].environment
    watched.world.postgres.restart()
    watched.start("bridge", module=SKEWED, **clocks[0].environment)


@causes("NotifierDaysOverdue", "NotifierStatusUpdatesDropped")
def test_days_that_are_never_settled_and_updates_that_are_never_accepted(watched: Watched) -> None:
    watched.world.spoil_ses({"kind": "cut_before_accept", "match": {"recipient": "held-*"}})
    held = alarm("NotifierOutcomesUnknown", channel="email", kind="held")
    waits = alarm("NotifierStatusUpdatesWait", destination=ARN)
    with watched.writing("told", seconds=3.0):
        watched.write("held")
        watched.expect(held, beside=["NotifierOutcomesUnknown"])
    sender = watched.start("status-sender", NOTIFIER_STATUS_DESTINATIONS=ARN)
    watched.write("reported")
    watched.expect(waits, of_process("NotifierNotReady", "status-sender"))
    sender.stop(SIGKILL)
    watched.write("reported")
    watched.expect(waits, alarm("NotifierStatusUpdatesWait"))

    clocks[0].be_ahead(KEEP_DAYS + 2)
    watched.expect(held, alarm("NotifierDaysOverdue"), beside=LATER)
    retain(watched)
    watched.expect(
        alarm("NotifierStatusUpdatesDropped", destination=ARN), alarm("NotifierStatusUpdatesDropped"), beside=LATER
    )


LATER = (*BEHIND, "NotifierNotReady", "NotifierEventsLate", "NotifierRecordsLost")
"""Alarms of a system of which all clocks have gone on by days: the shards were not read meanwhile."""


def retain(watched: Watched) -> None:
    """Run the retention, as each bridge does it every five minutes."""
    watched.command("retain", module=SKEWED, **clocks[0].environment)
