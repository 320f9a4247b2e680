"""Each alarm says what is wrong and what to do; a good state has none."""

import inspect
import re
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from notifier.outbox import (
    ChannelState,
    DestinationBacklog,
    Gauges,
    TableDiscovery,
    TableLag,
    WaitingStream,
    read_gauges,
)
from notifier.outbox.history.old_days import DaysKept
from web.console.app import Console
from web.console.monitoring import alarms as monitoring_alarms
from web.console.monitoring.alarms import alarms
from web.console.monitoring.watch import Proof


def listed(seconds: float, childless_seconds: float = 0.0, asking_seconds: float = 10_000.0) -> TableDiscovery:
    childless = int(childless_seconds > 0)
    return TableDiscovery("orders", seconds, childless, childless_seconds, True, None, asking_seconds)


LAG = {"shards": 1, "unread": 0, "seconds": 2.0}
FOUND = dict.fromkeys(("gaps", "gaps_open", "duplicates", "dead_letters", "unmatched", "quarantine"), 0)
RUNS = [ChannelState("email")]
UPDATES = DestinationBacklog("https://down.example", 3, 3, 0, 0, None, "503", None, None, 1_200.0)
HOLDS = Proof([{"balanced": True}])


@pytest.fixture
def good(engine: Engine) -> Gauges:
    """Those of an empty database, with what a system that runs well has."""
    return replace(
        read_gauges(engine),
        lag=LAG,
        found=FOUND,
        tables=[TableLag("orders", 2, 0, 1.0)],
        waiting=[WaitingStream("orders", "new", "old", 30.0)],
        discovery=[listed(20.0), listed(20.0, 110.0), listed(130.0, 130.0, asking_seconds=50.0)],
        due={("email", "retry"): 3},
        days=DaysKept(3, None, 2, {}),
    )


def test_a_good_state_has_no_alarm(good: Gauges) -> None:
    assert alarms(good, RUNS, HOLDS) == []
    assert alarms(good, RUNS, None) == []


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({"lag": {**LAG, "seconds": 3700.0}}, "warning", "Reading is 62 min behind"),
        ({"lag": {**LAG, "seconds": 22_000.0}}, "critical", "Reading is 6.1 h behind"),
        ({"tables": [TableLag("orders", 2, 1, 1.0)]}, "warning", "No bridge reads 1 of the 2 shards of the table"),
        ({"tables": [TableLag("orders", 2, 2, 1.0)]}, "critical", "No bridge reads the table orders"),
        ({"discovery": [listed(130.0)]}, "critical", "could not be listed for 2 min"),
        ({"discovery": [listed(20.0, 130.0)]}, "critical", "What follows 1 ended shard of the table orders"),
        ({"waiting": [WaitingStream("orders", "new", "old", 70.0)]}, "warning", "has waited 70 s for an older one"),
        ({"due": {("sms", "held"): 2}}, "warning", "2 outcomes of sms are held"),
        ({"due": {("email", "unknown"): 1_200}}, "warning", "1,200 unknown outcomes of email"),
        ({"updates": [UPDATES]}, "warning", "Status updates have waited 20 min for https://down.example."),
        ({"updates": [replace(UPDATES, destination="")]}, "warning", "Status updates have waited 20 min."),
        ({"found": {**FOUND, "gaps_open": 1}}, "critical", "Records were lost before they were read: 1 gap."),
        ({"found": {**FOUND, "quarantine": 7}}, "warning", "7 records are in quarantine"),
        ({"found": {**FOUND, "dead_letters": 7}}, "warning", "7 messages of the feedback queue"),
        ({"days": DaysKept(3, None, 99, {"open": 2})}, "warning", "2 days are older than NOTIFIER_KEEP_DAYS"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    good: Gauges, change: dict[str, object], level: str, words: str
) -> None:
    (alarm,) = alarms(replace(good, **change), RUNS, HOLDS)
    assert alarm.level == level
    assert words in alarm.text
    assert alarm.remedy


def test_a_channel_that_is_stopped_is_critical_and_comes_first(good: Gauges) -> None:
    states = [ChannelState("sms", "parked", "blocked"), ChannelState("email", "paused", "too many bounces")]
    held = replace(good, due={("sms", "held"): 2})
    found = alarms(held, states, HOLDS)
    assert [each.level for each in found] == ["critical", "critical", "warning"]
    assert "paused: too many bounces" in found[1].text


def test_a_proof_that_does_not_hold_is_critical(good: Gauges) -> None:
    broken = Proof([{"balanced": True}, {"balanced": False}], stranded=3)
    assert not broken.holds
    (alarm,) = alarms(good, RUNS, broken)
    assert alarm.level == "critical"
    assert "1 shard does not balance, 3 deliveries are stranded" in alarm.text
    (alarm,) = alarms(good, RUNS, Proof(error="57014"))
    assert "could not be made" in alarm.text


def test_the_pages_that_alarms_lead_to_exist(console: Console) -> None:
    named = set(re.findall(r'"(/[\w-]+)"', inspect.getsource(monitoring_alarms)))
    assert named
    assert named <= {page.path for page in console.pages}
