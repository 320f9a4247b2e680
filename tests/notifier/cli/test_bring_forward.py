"""Deliveries that wait for a time: listed, brought forward and cancelled by commands."""

from datetime import UTC, datetime
from uuid import UUID

from notifier.notifications import Status
from notifier.outbox import Change, Scheduled
from tests.notifier.cli.test_cli import Notifier, answer, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

UNTIL = datetime(2090, 1, 1, 8, tzinfo=UTC)


def waiting(rows: Rows, count: int) -> list[UUID]:
    ids = rows.pending(count)
    rows.attempts().schedule([Scheduled(id_, Status.PENDING, reason="quiet hours", until=UNTIL) for id_ in ids])
    return ids


def test_they_are_listed_with_their_time_and_reason(rows: Rows, notifier: Notifier) -> None:
    first, second = waiting(rows, 2)
    rows.pending(2)

    listed = answer(notifier("list", "--status", "scheduled", "--json"))["notifications"]
    assert {row["notification_id"] for row in listed} == {str(first), str(second)}
    assert {(row["status"], row["waits_for"], row["reason"]) for row in listed} == {
        ("pending", "scheduled", "quiet hours")
    }
    assert "2090-01-01" in notifier("list", "--status", "scheduled").stdout
    assert answer(notifier("list", "--status", "scheduled", "--count", "--json")) == {"count": "2"}
    assert notifier("list", "--status", "scheduled,failed").returncode == 2

    shown = answer(notifier("show", str(first), "--json"))
    assert shown["waits_for"] == "scheduled"
    assert shown["timeline"][-1]["reason"] == "waits until 2090-01-01 08:00:00 UTC: quiet hours"


def test_they_are_brought_forward_with_a_reason(rows: Rows, notifier: Notifier) -> None:
    first, second = waiting(rows, 2)
    retried, other = rows.pending(2)
    rows.attempts().decide([Change(retried, Status.PENDING, delay=3600.0, reason="busy")])

    assert answer(notifier("bring-forward", "--all", "--reason", "why", "--dry-run", "--json")) == {
        "would": "bring forward", "deliveries": 2,
    }  # fmt: skip
    assert notifier("bring-forward", "--reason", "why").returncode == 2
    assert answer(notifier("bring-forward", str(first), "--reason", "the sale ends", "--json")) == {
        "brought forward": 1
    }
    refused = notifier("bring-forward", str(other), "--reason", "why")
    assert refused.returncode == 1
    done = notifier("bring-forward", "--because", "quiet", "--all", "--per-second", "100", "--reason", "all of them")
    assert done.returncode == 0

    assert {each.id for each in rows.attempts().load([first, second, retried, other])} == {first, second, other}
    journal = rows.all("SELECT action, reason, deliveries FROM operations ORDER BY id")
    assert ("bring forward", "the sale ends", 1) in [tuple(row.values()) for row in journal]
    shown = answer(notifier("show", str(first), "--json"))
    assert shown["timeline"][-1]["reason"] == "brought forward: the sale ends"


def test_a_member_of_a_digest_is_refused_with_its_leader(rows: Rows, notifier: Notifier) -> None:
    """It would be collected again at once, and its wait be as before."""
    leader, member = waiting(rows, 2)
    rows.run("UPDATE deliveries SET leader = :leader", leader=leader)
    before = rows.delivery(member)

    refused = notifier("bring-forward", str(member), "--reason", "she waits")
    assert refused.returncode == 1
    assert f"waits for the message of its digest: bring its leader forward, {leader}" in refused.stderr
    assert rows.delivery(member) == before
    assert answer(notifier("bring-forward", "--all", "--reason", "why", "--dry-run", "--json"))["deliveries"] == 1
    assert answer(notifier("bring-forward", "--all", "--reason", "why", "--json")) == {"brought forward": 1}
    assert [each.id for each in rows.attempts().load([leader, member])] == [leader]


def test_only_they_are_cancelled(rows: Rows, notifier: Notifier) -> None:
    (first,) = waiting(rows, 1)
    (other,) = rows.pending()
    assert answer(notifier("cancel", "--scheduled", "--all", "--reason", "no sale", "--json")) == {"cancelled": 1}
    assert (rows.status(first), rows.status(other)) == (Status.CANCELLED, Status.PENDING)
