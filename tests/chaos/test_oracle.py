"""The oracle itself: whatever is wrong with a history, it says so; and a run that proved nothing is not good."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.history import History
from tests.chaos.oracle import judge


def history(**changed: Any) -> History:
    """Three events, each a mail; one of them was unknown for a while."""
    people = ["1@x", "2@x", "3@x"]
    good = History(
        run={"seed": 1},
        expected=people,
        journal=[{"to": to} for to in people],
        blows=[{"group": "kill"}, {"group": "cut"}, {"group": "cut"}, {"group": "ses"}],
        ledger={
            "statuses": {"sent": 1, "delivered": 2},
            "sent": people,
            "once_unknown": ["2@x"],
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


def test_a_run_that_accepted_nothing_proves_nothing() -> None:
    empty = ledger(statuses={}, sent=[], once_unknown=[])
    assert not judge(history(expected=[], journal=[], ledger=empty)).good


def test_a_history_is_judged_again_as_it_was(tmp_path: Path) -> None:
    kept = history()
    kept.save(tmp_path / "run")
    assert History.load(tmp_path / "run") == kept
