"""`notifier audit` finds routes that fail, and dead letters; not what a provider refuses, nor single errors."""

import json
import shlex
from typing import Any
from uuid import UUID, uuid4

import pytest

from notifier.feedback import DeadLetter
from notifier.notifications import Status
from notifier.outbox import Change, Operations, Recipient, Report, Selection, Settlement
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]


def raises(rows: Rows, ids: list[UUID], times: int, to: Status = Status.PENDING) -> None:
    """Record that the route of these raised `times` times, and the status after the last time."""
    for number in range(times):
        last = to if number == times - 1 else Status.PENDING
        delay = 0.0 if last is Status.PENDING else None
        changes = [
            Change(id_, last, failed=True, delay=delay, reason="KeyError", detail="Traceback: ...") for id_ in ids
        ]
        assert rows.attempts().decide(changes) == set(ids)


def refused(rows: Rows, ids: list[UUID], to: Status, times: int = 1) -> None:
    """Record that the provider refused them."""
    for _ in range(times):
        token = uuid4()
        rows.attempts().begin(token, [Recipient(id_, "ana@example.com") for id_ in ids], 60)
        delay = 0.0 if to is Status.PENDING else None
        rows.attempts().finish(token, [Change(id_, to, failed=True, delay=delay, reason="refused") for id_ in ids])


def test_a_route_that_always_raises_is_found(rows: Rows, notifier: Notifier) -> None:
    ids = rows.pending(3)
    raises(rows, ids, 2)
    rows.run("UPDATE notifications SET route = 'broken'")
    fine = rows.pending(2)
    refused(rows, fine[:1], Status.FAILED)

    done = notifier("audit", "--json")
    assert done.returncode == 1
    rows.run("UPDATE deliveries SET next_attempt_at = NULL WHERE status = 'pending'")
    raises(rows, ids[:1], 1, Status.FAILED)
    told = notifier("audit")
    assert told.returncode == 1
    assert "broken" in told.stdout
    assert "KeyError" in told.stdout
    assert f"see: notifier show {ids[0]} --reveal" in told.stdout
    (remedy,) = (line for line in told.stdout.splitlines() if line.startswith("then: notifier "))
    assert "1 redriven" in notifier(*shlex.split(remedy)[2:]).stderr


def test_errors_of_the_provider_and_single_errors_are_not_found(rows: Rows, notifier: Notifier) -> None:
    refused(rows, rows.pending(2), Status.FAILED)
    refused(rows, rows.pending(2), Status.PENDING, times=3)
    raises(rows, rows.pending(2), 1)
    rows.in_status(Status.UNKNOWN)
    rows.in_status(Status.BOUNCED)
    rows.run(
        "INSERT INTO due SELECT notification_id, 'unknown', 'email', now() FROM deliveries WHERE status = 'unknown'"
    )
    assert answer(notifier("audit", "--json"))["failing"] == []


def test_a_route_is_found_until_it_works_or_is_acknowledged(rows: Rows, notifier: Notifier) -> None:
    ids = rows.pending(2)
    raises(rows, ids, 1, Status.FAILED)
    assert notifier("audit").returncode == 1
    assert list(Operations(rows.engine, actor="eva").redrive(Selection(ids=ids), "mended", per_second=1000)) == [2]
    assert notifier("audit").returncode == 0
    rows.run("UPDATE deliveries SET next_attempt_at = NULL")
    raises(rows, ids, 1, Status.FAILED)
    assert notifier("audit").returncode == 1
    assert "1 routes acknowledged" in notifier("audit", "--acknowledge-failures", "--reason", "known").stderr
    assert notifier("audit").returncode == 0
    raises(rows, rows.pending(), 1, Status.FAILED)
    assert notifier("audit").returncode == 1


def test_dead_letters_are_shown_until_they_are_acknowledged(rows: Rows, notifier: Notifier) -> None:
    settlement = Settlement(rows.engine, channel="email")
    settlement.settle([], [DeadLetter(b"{", "no JSON")])
    found = notifier("audit")
    assert found.returncode == 0
    assert "no JSON" in found.stdout
    acknowledged = notifier("audit", "--acknowledge-dead-letters", "--reason", "known").stderr
    assert "1 dead letters acknowledged" in acknowledged
    assert answer(notifier("audit", "--json"))["dead_letters"] == 0
    assert "no JSON" not in notifier("audit").stdout
    settlement.settle([], [DeadLetter(b"[", "no event")])
    assert answer(notifier("audit", "--json"))["dead_letters"] == 1


@pytest.mark.parametrize("reason", ["the route has not returned", "its worker died 3 times while building it"])
def test_a_route_that_hangs_or_kills_its_worker_is_found_too(rows: Rows, notifier: Notifier, reason: str) -> None:
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.FAILED, failed=True, reason=reason)])
    (found,) = json.loads(notifier("audit", "--json").stdout.splitlines()[-1])["failing"]
    assert (found["route"], found["failed"], found["newest_reason"]) == ("a_route", 1, reason)


FAILED_AND_DEAD = ("--acknowledge-failures", "--acknowledge-dead-letters")
EVERYTHING = ("--acknowledge-gaps", "--acknowledge-duplicates", "--acknowledge-quarantine", *FAILED_AND_DEAD)


def comes(rows: Rows) -> None:
    """Add one of each kind that can be acknowledged."""
    for table, values in (
        ("gaps (shard, reason)", "SELECT id, 'trimmed' FROM shards"),
        ("duplicates (notification_id, message_id)", "SELECT gen_random_uuid(), 'second'"),
        (
            "quarantine (shard, sequence_number, record, error)",
            "SELECT id, gen_random_uuid()::text, '{}', 'no such type' FROM shards",
        ),
        ("dead_letters (raw, error)", "SELECT convert_to(gen_random_uuid()::text, 'UTF8'), 'no JSON'"),
    ):
        rows.run(f"INSERT INTO {table} {values}")
    raises(rows, rows.pending(), 1, Status.FAILED)


def test_what_came_after_an_audit_is_not_acknowledged_up_to_its_time(rows: Rows, notifier: Notifier) -> None:
    comes(rows)
    (at,) = (line.split()[1] for line in notifier("audit").stdout.splitlines() if line.startswith("--until"))
    comes(rows)
    done = notifier("audit", *EVERYTHING, "--until", at, "--reason", "known")
    assert [line for line in done.stderr.splitlines() if line.endswith("acknowledged")] == [
        "1 gaps acknowledged",
        "1 duplicates acknowledged",
        "1 records in quarantine acknowledged",
        "1 dead letters acknowledged",
        "the errors of 1 routes acknowledged",
    ]
    left = json.loads(notifier("audit", "--json").stdout)
    assert (len(left["gaps"]), len(left["duplicates"]), left["dead_letters"]) == (1, 1, 1)
    assert [row["failed"] for row in left["failing"]] == [1]
    assert len(Report(rows.engine).quarantine()) == 1
    for row in rows.all("SELECT scope FROM operations WHERE action LIKE 'acknowledge%' AND action NOT LIKE '%gaps'"):
        assert row["scope"].startswith(f"until={at} ")
    notifier("audit", *EVERYTHING, "--reason", "known")
    left = json.loads(notifier("audit", "--json").stdout)
    assert (left["gaps"], left["duplicates"], left["dead_letters"], left["failing"]) == ([], [], 0, [])
    assert "--until" not in notifier("audit").stdout


def test_what_fails_while_the_failures_are_read_is_not_acknowledged(
    rows: Rows, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    raises(rows, rows.pending(), 1, Status.FAILED)
    read = Report.failing

    def slow(report: Report, *given: Any) -> Any:
        found = read(report, *given)
        if len(given) > 1:
            rows.run("UPDATE notifications SET route = 'known'")
            raises(rows, rows.pending(), 1, Status.FAILED)
        return found

    monkeypatch.setattr(Report, "failing", slow)
    assert notifier("audit", "--acknowledge-failures", "--reason", "known").returncode == 1
    assert [row["route"] for row in Report(rows.engine).failing(7)] == ["a_route"]


def test_a_time_needs_what_is_acknowledged(notifier: Notifier) -> None:
    done = notifier("audit", "--until", "2026-01-31")
    assert done.returncode == 2
    assert "--until says up to when to acknowledge" in done.stderr
    assert notifier("audit", "--until", "soon", *EVERYTHING).returncode == 2
