"""The oracle itself: whatever is wrong with a history, it says so; and a run that proved nothing is not good."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.history import History
from tests.chaos.oracle import judge


def history(**changed: Any) -> History:
    """Three events, each a mail; one of them was unknown for a while."""
    people = ["1@x", "2@x", "3@x"]
    good = History(
        run={"seed": 1, "events": 3},
        expected=people,
        journal=[{"to": to} for to in people],
        blows=[{"group": "kill"}, {"group": "cut"}, {"group": "cut"}, {"group": "ses"}],
        ledger={
            "statuses": {"sent": 1, "delivered": 2},
            "sent": people,
            "once_unknown": ["2@x"],
            "counted": {},
            **{name: [] for name in ("stranded", "unbalanced", "gaps", "quarantine")},
        },
    )
    return replace(good, **changed)


def ledger(**changed: Any) -> dict[str, Any]:
    return {**history().ledger, **changed}


def test_a_run_in_which_each_event_became_one_mail_is_good() -> None:
    found = judge(history())
    assert found.good
    assert (found.events, found.accepted, found.recovered, found.kills, found.cuts) == (3, 3, 1, 1, 2)


@pytest.mark.parametrize(
    ("finding", "changed"),
    [
        ("lost", {"journal": [{"to": "1@x"}, {"to": "2@x"}]}),
        ("duplicated", {"journal": [{"to": to} for to in ("1@x", "2@x", "3@x", "3@x")]}),
        ("unexpected", {"journal": [{"to": to} for to in ("1@x", "2@x", "3@x", "4@x")]}),
        ("unknown", {"ledger": ledger(statuses={"sent": 2, "unknown": 1})}),
        ("wrong", {"ledger": ledger(statuses={"sent": 2, "failed": 1})}),
        ("wrong", {"ledger": ledger(sent=["1@x", "2@x"])}),
        ("wrong", {"ledger": ledger(stranded=["a row"])}),
        ("wrong", {"ledger": ledger(unbalanced=["a shard"])}),
        ("wrong", {"ledger": ledger(gaps=["a shard"])}),
        ("wrong", {"ledger": ledger(quarantine=["not JSON"])}),
        ("wrong", {"expected": ["1@x", "2@x", "3@x", "3@x"]}),
    ],
)
def test_what_is_wrong_is_told(finding: str, changed: dict[str, Any]) -> None:
    found = judge(history(**changed))
    assert getattr(found, finding)
    assert not found.good


def test_second_mails_are_forgiven_only_where_commits_are_lost_and_each_is_counted() -> None:
    twice = [{"to": to} for to in ("1@x", "2@x", "3@x", "3@x")]
    lossy: dict[str, Any] = {"journal": twice, "run": {"replica": "asynchronous", "events": 3}}
    counted = ledger(counted={"3@x": 1})
    assert judge(history(**lossy, ledger=counted)).good
    assert judge(history(**lossy)).uncounted == 1
    assert not judge(history(**lossy)).good
    assert not judge(history(journal=twice, ledger=counted)).good


@pytest.mark.parametrize(("at", "seconds", "good"), [("08:00:09", 9.0, True), ("08:00:16", 16.0, False)])
def test_a_failover_is_over_with_the_first_mail_of_a_later_event(at: str, seconds: float, good: bool) -> None:
    moment = datetime(2026, 1, 31, 8, tzinfo=UTC).timestamp()
    times = {"1@x": "07:59:59", "2@x": "08:00:01", "3@x": at}
    journal = [{"to": to, "time": f"2026-01-31T{time}.000Z"} for to, time in times.items()]
    blow = {"group": "failover", "fed": 3, "moment": moment}
    found = judge(history(journal=journal, blows=[blow], run={"events": 4}))
    assert (found.failovers, found.slowest_failover, found.good) == (1, seconds, good)


def test_a_run_that_accepted_nothing_proves_nothing() -> None:
    empty = ledger(statuses={}, sent=[], once_unknown=[])
    assert not judge(history(expected=[], journal=[], ledger=empty)).good


def test_a_history_is_judged_again_as_it_was(tmp_path: Path) -> None:
    kept = history()
    kept.save(tmp_path / "run")
    assert History.load(tmp_path / "run") == kept
