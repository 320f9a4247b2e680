"""The alarms of Prometheus, run by its own `promtool`: each goes off when it should, and not before."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bridge.alarms.unrouted import UNROUTED_SECONDS
from docs.metrics import ALARMS, rules
from notifier.outbox.status_updates.backlog import UPDATE_ALARM_SECONDS
from notifier.outbox.stream.status import (
    ALARM_SECONDS,
    CRITICAL_SECONDS,
    DISCOVERY_ALARM_SECONDS,
    WARNING_SECONDS,
)

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, of Debian's package prometheus")

ON = {"channel": "email", "route": "a"}
_TABLE = {"table": "activity"}

# The series that set an alarm off within the hour, those with which it stays quiet, and the labels of the alarm.
CASES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "NotifierRouteFails": (
        {'notifier_outbox_route_errors_total{channel="email",route="a"}': "0+1x70"},
        {'notifier_outbox_route_errors_total{channel="email",route="a"}': "5x70"},
        ON,
    ),
    "NotifierRouteAlwaysFails": (
        {'notifier_outbox_route_errors_total{channel="email",route="a"}': "0+1x70"},
        {
            'notifier_outbox_route_errors_total{channel="email",route="a"}': "0+1x70",
            'notifier_outbox_deliveries_total{channel="email",route="a",status="sent"}': "0+1x70",
            'notifier_outbox_route_errors_total{channel="email",route="b"}': "0+1x70",
            'notifier_outbox_deliveries_total{channel="email",route="b",status="shadowed"}': "0+1x70",
        },
        ON,
    ),
    "NotifierNewRouteFails": (
        {
            'notifier_outbox_route_errors_total{channel="email",route="a"}': "0x58 1x15",
            "notifier_database_up": "1x70",
        },
        {
            'notifier_outbox_route_errors_total{channel="email",route="a"}': "1x70",
            'notifier_outbox_route_errors_total{channel="email",route="b"}': "0x70",
            'notifier_outbox_route_errors_total{channel="email",route="c",instance="x"}': "1x10 _x50 1x10",
            'notifier_database_up{instance="x"}': "1x10 0x50 1x10",
        },
        ON,
    ),
    "NotifierRouteMissing": (
        {'notifier_outbox_deliveries_total{channel="email",route="(not loaded)",status="pending"}': "0+1x70"},
        {
            'notifier_outbox_deliveries_total{channel="email",route="(not loaded)",status="pending"}': "0+1x5 5x65",
            'notifier_outbox_deliveries_total{channel="email",route="a",status="pending"}': "0+1x70",
        },
        {"channel": "email"},
    ),
    "NotifierDeliveriesFail": (
        {
            'notifier_outbox_deliveries_total{channel="email",route="a",status="sent"}': "0+9x70",
            'notifier_outbox_deliveries_total{channel="email",route="a",status="failed"}': "0+1x70",
        },
        {
            'notifier_outbox_deliveries_total{channel="email",route="a",status="sent"}': "0+99x70",
            'notifier_outbox_deliveries_total{channel="email",route="a",status="failed"}': "0+1x70",
        },
        {"channel": "email"},
    ),
    "NotifierRouteKills": (
        {'notifier_build_losses_total{channel="email"}': "_x58 1x20", "notifier_database_up": "1x70"},
        {'notifier_build_losses_total{channel="email"}': "1x70", "notifier_database_up": "1x70"},
        {"channel": "email"},
    ),
    "NotifierStatusUpdatesWait": (
        {'notifier_status_updates_oldest_seconds{destination="https://a.example"}': "1000x70"},
        {'notifier_status_updates_oldest_seconds{destination="https://a.example"}': "800x70"},
        {"destination": "https://a.example"},
    ),
    "NotifierStatusUpdatesDropped": (
        {'notifier_status_updates_total{destination="https://a.example",result="dropped"}': "0x50 1x20"},
        {'notifier_status_updates_total{destination="https://a.example",result="accepted"}': "0+1x70"},
        {"destination": "https://a.example"},
    ),
    "NotifierOutcomesUnknown": (
        {'notifier_outbox_due{channel="email",kind="held"}': "1x70"},
        {'notifier_outbox_due{channel="email",kind="retry"}': "1x70"},
        {"channel": "email", "kind": "held"},
    ),
    "NotifierEventsLate": (
        {
            'notifier_feedback_settled_seconds{channel="email"}': "1501x70",
            'notifier_outbox_due{channel="email",kind="unknown"}': "1x70",
        },
        {
            'notifier_feedback_settled_seconds{channel="email"}': "1320x70",  # of a queue that is never empty
            'notifier_feedback_settled_seconds{channel="sms"}': "1501x70",
            'notifier_outbox_due{channel="email",kind="unknown"}': "1x70",
        },
        {"channel": "email"},
    ),
    "NotifierChannelStopped": (
        {'notifier_channel_running{channel="email"}': "0x70"},
        {'notifier_channel_running{channel="email"}': "1x70"},
        {"channel": "email"},
    ),
    "NotifierPartParked": (
        {'notifier_outcomes_total{channel="email",outcome="parked"}': "0+1x70"},
        {
            'notifier_outcomes_total{channel="email",outcome="parked"}': "5x70",
            'notifier_outcomes_total{channel="email",outcome="blocked"}': "0+1x70",
        },
        {"channel": "email"},
    ),
    "NotifierDuplicates": ({"notifier_duplicates_total": "0x50 1x20"}, {"notifier_duplicates_total": "1x70"}, {}),
    "NotifierOutboxFull": (
        {'notifier_outbox_full{channel="email"}': "1x70"},
        {'notifier_outbox_full{channel="email"}': "0x70"},
        {"channel": "email"},
    ),
    "NotifierFeedbackDeadLetters": (
        {"notifier_feedback_dead_letters": "1x70"},
        {"notifier_feedback_dead_letters": "0x70"},
        {},
    ),
    "NotifierDatabaseDown": (
        {'notifier_database_up{instance="a"}': "0x70"},
        {'notifier_database_up{instance="a"}': "0x70", 'notifier_database_up{instance="b"}': "1x70"},
        {},
    ),
    "NotifierNoBridge": ({"notifier_ready": "1x70"}, {"notifier_database_up": "1x70"}, {}),
    "NotifierNotReady": (
        {'notifier_ready{job="notifier",instance="a"}': "0x70"},
        {'notifier_ready{job="notifier",instance="a"}': "1x70"},
        {"job": "notifier", "instance": "a"},
    ),
    "NotifierUnhealthy": (
        {'notifier_healthy{job="notifier",instance="a"}': "0x70"},
        {'notifier_healthy{job="notifier",instance="a"}': "1x70"},
        {"job": "notifier", "instance": "a"},
    ),
    "NotifierRecordsLost": ({"notifier_gaps_open": "1x70"}, {"notifier_gaps_open": "0x70"}, {}),
    "NotifierQuarantine": ({"notifier_quarantine_records": "1x70"}, {"notifier_quarantine_records": "0x70"}, {}),
    "NotifierLag": ({"notifier_stream_lag_seconds": "3601x70"}, {"notifier_stream_lag_seconds": "3600x70"}, {}),
    "NotifierLagCritical": (
        {"notifier_stream_lag_seconds": "21601x70"},
        {"notifier_stream_lag_seconds": "21600x70"},
        {},
    ),
    "NotifierShardsUnread": (
        {'notifier_table_shards_unread{table="activity"}': "1x70"},
        {'notifier_table_shards_unread{table="activity"}': "0x70"},
        _TABLE,
    ),
    "NotifierTableUnrouted": (
        {'notifier_table_all_unrouted_seconds{table="activity"}': "61x70"},
        {'notifier_table_all_unrouted_seconds{table="activity"}': "60x70"},
        _TABLE,
    ),
    "NotifierListingFails": (
        {'notifier_stream_listing_seconds{table="activity"}': "121x70"},
        {'notifier_stream_listing_seconds{table="activity"}': "120x70"},
        _TABLE,
    ),
    "NotifierShardsChildless": (
        {'notifier_stream_shards_childless{table="activity"}': "1x70"},
        {'notifier_stream_shards_childless{table="activity"}': "0x70"},
        _TABLE,
    ),
    "NotifierViewFaults": (
        {'notifier_stream_view_faults{table="activity"}': "1x70"},
        {'notifier_stream_view_faults{table="activity"}': "0x70"},
        _TABLE,
    ),
    "NotifierStreamWaits": (
        {'notifier_table_stream_waits_seconds{table="activity"}': "61x70"},
        {'notifier_table_stream_waits_seconds{table="activity"}': "60x70"},
        _TABLE,
    ),
    "NotifierRewindWaits": (
        {'notifier_table_rewinds{table="activity"}': "1x70"},
        {'notifier_table_rewinds{table="activity"}': "0x30 1x40"},
        _TABLE,
    ),
    "NotifierDaysOverdue": (
        {'notifier_days_overdue{reason="open"}': "1x1500"},
        {'notifier_days_overdue{reason="open"}': "1x10 0x1490"},
        {},
    ),
}
"""The minutes are those after the start; an alarm is looked at after an hour, that of days after a day."""


def test_each_alarm_has_a_case() -> None:
    assert set(CASES) == {rule["alert"] for rule in rules()}


@needs_promtool
def test_the_rules_are_valid() -> None:
    promtool("check", "rules", "--lint-fatal", str(ALARMS))


@needs_promtool
def test_each_alarm_goes_off_when_it_should(tmp_path: Path) -> None:
    found = {rule["alert"]: rule for rule in rules()}
    tests = []
    for name, (loud, quiet, labels) in CASES.items():
        expected = {
            "exp_labels": {**found[name]["labels"], **labels},
            "exp_annotations": filled(found[name]["annotations"], labels),
        }
        tests += [case(name, loud, [expected]), case(name, quiet, [])]
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(ALARMS)], "evaluation_interval": "1m", "tests": tests}))
    promtool("test", "rules", str(path))


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("NotifierLag", ALARM_SECONDS),
        ("NotifierLagCritical", CRITICAL_SECONDS),
        ("NotifierListingFails", DISCOVERY_ALARM_SECONDS),
        ("NotifierStatusUpdatesWait", UPDATE_ALARM_SECONDS),
        ("NotifierStreamWaits", WARNING_SECONDS),
        ("NotifierTableUnrouted", UNROUTED_SECONDS),
    ],
)
def test_a_threshold_is_that_of_the_logs_and_the_console(name: str, seconds: float) -> None:
    (rule,) = (each for each in rules() if each["alert"] == name)
    assert float(rule["expr"].rpartition(" > ")[2]) == seconds


def test_childless_shards_are_an_alarm_after_the_time_of_the_bridge() -> None:
    (rule,) = (each for each in rules() if each["alert"] == "NotifierShardsChildless")
    assert rule["for"] == f"{DISCOVERY_ALARM_SECONDS / 60:.0f}m"


def case(name: str, series: dict[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"{name}, {'loud' if expected else 'quiet'}",
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": "1441m" if name == "NotifierDaysOverdue" else "65m",
                "alertname": name,
                "exp_alerts": expected,
            }
        ],
    }


def filled(annotations: dict[str, str], labels: dict[str, str]) -> dict[str, str]:
    def value(found: re.Match[str]) -> str:
        return labels[found[1]]

    return {name: re.sub(r"\{\{ \$labels\.(\w+) \}\}", value, text) for name, text in annotations.items()}


def promtool(*words: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
