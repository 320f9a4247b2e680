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
        faults=[{"group": "kill"}, {"group": "cut"}, {"group": "cut"}, {"group": "ses"}],
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


def test_single_faults_are_counted_beside_those_that_were_scheduled() -> None:
    harmed = {"connections_cut": 30, "connections_delayed": 4, "calls_failed": 200}
    found = judge(history(run={"seed": 1, "events": 3, "harmed": harmed}))
    assert (found.scheduled_faults, found.kills, found.cuts) == (4, 1, 2)
    assert (found.connections_cut, found.connections_delayed, found.calls_failed) == (30, 4, 200)
    assert found.single_faults == 1 + 30 + 4 + 200


def test_the_parts_of_the_load_are_counted() -> None:
    people = [f"{number}@example.com" for number in (4, 6, 9, 16)]  # high, low, elsewhere, high
    table = ledger(sent=people, statuses={"sent": 4}, once_unknown=[], waited=7, gone_on=1)
    found = judge(history(expected=people, journal=[{"to": to} for to in people], ledger=table))
    assert found.good
    assert (found.high_lane, found.low_lane, found.later, found.fallback, found.digests) == (2, 1, 7, 1, 0)
    assert judge(collected(("2 14 26", "two"))).digests == 1


@pytest.mark.parametrize(
    ("finding", "changed"),
    [
        ("lost", {"journal": [{"to": "1@x"}, {"to": "2@x"}]}),
        ("duplicated", {"journal": [{"to": to} for to in ("1@x", "2@x", "3@x", "3@x")]}),
        ("unexpected", {"journal": [{"to": to} for to in ("1@x", "2@x", "3@x", "4@x")]}),
        ("unknown", {"ledger": ledger(statuses={"sent": 2, "unknown": 1})}),
        ("wrong", {"ledger": ledger(statuses={"sent": 2, "failed": 1})}),
        ("wrong", {"ledger": ledger(sent=["1@x", "2@x"])}),
        ("wrong", {"ledger": ledger(gone_on=1)}),
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


DIGEST = "collected-0@collected.example.com"


def collected(*mails: tuple[str, str], **changed: Any) -> History:
    """The events 2, 14 and 26 are of one digest, which 2 leads. `mails` are the subject and the leader of each."""
    people = ["2@example.com", "14@example.com", "26@example.com"]
    table = ledger(
        statuses={"sent": 1, "merged": 2}, sent=people, once_unknown=[], mail_of=dict.fromkeys(people, "two")
    )
    journal = [{"to": DIGEST, "subject": subject, "nid": nid, "time": _at(0.0)} for subject, nid in mails]
    return history(expected=people, journal=journal, **{"ledger": table, **changed})


def test_each_event_of_a_digest_is_in_one_mail_and_that_is_the_one_that_our_tables_name() -> None:
    found = judge(collected(("2 14 26", "two")))
    assert found.good
    assert (found.events, found.accepted, found.merged, found.duplicated) == (3, 3, 2, 0)
    assert judge(collected(("2 14", "two"))).lost == 1
    assert judge(collected(("2 14 26 38", "two"))).unexpected == 1
    for twice in ([("2 14 26 26", "two")], [("2 14 26", "two"), ("26", "twenty-six")]):
        assert judge(collected(*twice)).duplicated == 1
        assert not judge(collected(*twice)).good
    apart = judge(collected(("2 14", "two"), ("26", "twenty-six")))
    assert not apart.good
    assert (apart.lost, apart.duplicated) == (0, 0)
    assert "not in the mail" in apart.wrong[0]


@pytest.mark.parametrize(
    ("moment", "replica", "good"), [(1, "asynchronous", True), (9, "asynchronous", False), (1, "", False)]
)
def test_what_is_collected_again_is_forgiven_where_the_failover_may_have_lost_its_beginning(
    moment: int, replica: str, good: bool
) -> None:
    fault = {
        "group": "failover",
        "fault": "postgres: failover",
        "fed": 3,
        "moment": MOMENT + moment,
        "did": "to port 1",
    }
    run = {"replica": replica, "events": 3}
    table = {
        **collected().ledger,
        "mail_of": {"2@example.com": "two", "14@example.com": "two", "26@example.com": "26"},
    }
    found = judge(collected(("2 14 26", "two"), ("26", "26"), faults=[fault], run=run, ledger=table))
    assert (found.good, found.duplicated, found.uncounted, found.collected_again) == (good, 1, 1 - good, int(good))
    assert judge(failed_over({"1@x": (-9.0, None)}, {"1@x": 0.5})).collected_again == 0


def test_second_mails_are_forgiven_only_where_commits_are_lost_and_each_is_counted() -> None:
    twice = [{"to": to} for to in ("1@x", "2@x", "3@x", "3@x")]
    lossy: dict[str, Any] = {"journal": twice, "run": {"replica": "asynchronous", "events": 3}}
    counted = ledger(counted={"3@x": 1})
    assert judge(history(**lossy, ledger=counted)).good
    assert judge(history(**lossy)).uncounted == 1
    assert not judge(history(**lossy)).good
    assert not judge(history(journal=twice, ledger=counted)).good


MOMENT = datetime(2026, 1, 31, 8, tzinfo=UTC).timestamp()


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(MOMENT + seconds, UTC).isoformat().replace("+00:00", "Z")


def failed_over(path: dict[str, tuple[float, float | None]], accepted: dict[str, float], **fault: Any) -> History:
    """A failover after three events. `path`: when each was recorded, and its attempt began; all after the fault."""
    told = {
        to: (MOMENT + recorded, None if begun is None else MOMENT + begun) for to, (recorded, begun) in path.items()
    }
    journal = [{"to": to, "time": _at(at)} for to, at in accepted.items()]
    injected = {
        "group": "failover",
        "fault": "postgres: failover",
        "fed": 3,
        "moment": MOMENT,
        "did": "to port 1",
        **fault,
    }
    people = [*path]
    return history(
        expected=people,
        journal=journal,
        faults=[injected],
        run={"events": 6},
        ledger=ledger(path=told, sent=people, statuses={"sent": len(people)}, once_unknown=[]),
    )


@pytest.mark.parametrize(
    ("recorded", "begun", "accepted", "seconds", "good"),
    [
        (2.0, 8.0, 9.0, 9.0, True),
        (9.0, 8.0, 8.5, 9.0, True),  # sent before anything new was recorded
        (16.0, 8.0, 9.0, 16.0, False),
        (2.0, 15.5, 16.0, 16.0, False),
        (2.0, None, 9.0, float("inf"), False),
    ],
)
def test_after_a_failover_the_path_works_once_it_records_and_sends(
    recorded: float, begun: float | None, accepted: float, seconds: float, good: bool
) -> None:
    """The event 4 is recorded at once and sent last: what was there before it is sent first."""
    path = {"1@x": (-9.0, -8.0), "2@x": (-9.0, begun), "4@x": (recorded, 100.0)}
    found = judge(failed_over(path, {"1@x": 0.5, "2@x": accepted, "4@x": 101.0}))
    seconds = min(seconds, 101.0)
    assert (found.failovers, found.slowest_failover, found.good) == (1, seconds, good)


def test_a_failover_of_redis_and_one_that_did_nothing_are_none_of_postgres() -> None:
    path: dict[str, tuple[float, float | None]] = {"1@x": (-9.0, -8.0), "4@x": (99.0, 100.0)}
    for fault in (
        {"fault": "redis: failover, old primary killed"},
        {"fault": "redis: failover, old primary demoted", "did": "nothing: the replica is not in sync"},
    ):
        found = judge(failed_over(path, {"1@x": 0.5, "4@x": 101.0}, **fault))
        assert (found.failovers, found.slowest_failover, found.good) == (0, 0.0, True)
        assert found.kills == (0 if "did" in fault else 1)


def test_a_run_that_accepted_nothing_proves_nothing() -> None:
    empty = ledger(statuses={}, sent=[], once_unknown=[])
    assert not judge(history(expected=[], journal=[], ledger=empty)).good


def test_a_history_is_judged_again_as_it_was(tmp_path: Path) -> None:
    kept = history()
    kept.save(tmp_path / "run")
    assert History.load(tmp_path / "run") == kept
