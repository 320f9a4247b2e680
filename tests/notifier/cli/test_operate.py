"""Commands that change deliveries, on real rows: each change has a reason and a row in the journal."""

from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import pytest

from notifier.notifications import Status
from notifier.outbox import Change, Decision, Operations, OverdueAction, Recipient, Retention, Unknowns, end_leases
from tests.notifier.cli.test_cli import Notifier, answer, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.history.history import day, partitions, recorded, settled
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]


def failed(rows: Rows, count: int) -> list[UUID]:
    ids = rows.pending(count)
    attempts, token = rows.attempts(), uuid4()
    attempts.begin(token, [Recipient(id_, "ana@example.com") for id_ in ids], 60)
    attempts.finish(token, [Change(id_, Status.FAILED, failed=True, reason="no such mailbox") for id_ in ids])
    return ids


def journal(rows: Rows) -> list[tuple[Any, ...]]:
    return [
        (row["action"], row["reason"], row["deliveries"]) for row in rows.all("SELECT * FROM operations ORDER BY id")
    ]


def test_an_unknown_outcome_is_resolved_once_with_a_reason(rows: Rows, notifier: Notifier) -> None:
    id_ = rows.in_status(Status.UNKNOWN)

    assert answer(notifier("resolve", str(id_), "--sent", "--reason", "seen in the inbox", "--json"))["resolved"]
    assert notifier("resolve", str(id_), "--resend", "--reason", "again").returncode == 1

    assert rows.status(id_) is Status.SENT
    shown = answer(notifier("show", str(id_), "--json"))
    assert any(line["reason"] == "seen in the inbox" and "@" in line["actor"] for line in shown["timeline"])
    assert journal(rows) == [("resolve", "seen in the inbox", 1)]


def test_resend_is_due_at_once(rows: Rows, notifier: Notifier) -> None:
    id_ = rows.in_status(Status.UNKNOWN)
    assert notifier("resolve", str(id_), "--resend", "--reason", "not in the inbox").returncode == 0
    assert rows.one("SELECT kind, due_at <= now() AS due FROM due") == {"kind": "retry", "due": True}
    assert [work.id for work in rows.attempts().load([id_])] == [id_]


@pytest.mark.parametrize(
    "words",
    [
        ("resolve", str(uuid4()), "--reason", "why"),
        ("resolve", str(uuid4()), "--sent", "--resend", "--reason", "why"),
        ("resolve", "not-an-id", "--sent", "--reason", "why"),
        ("resolve", str(uuid4()), "--sent", "--reason", " "),
        ("cancel", "--reason", "everything at once"),
        ("redrive", "--reason", "everything at once"),
        ("pause", "pigeon", "--reason", "why"),
        ("suppress", "add", "email", "ana@example.com", "--reason", "complaint"),
        ("suppress", "list", "--address", "ana@example.com"),
    ],
)
def test_a_usage_error_is_one_line(notifier: Notifier, words: tuple[str, ...]) -> None:
    done = notifier(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("notifier: ")
    assert "Traceback" not in done.stderr


def test_redrive_spreads_over_time_what_it_selects(rows: Rows, notifier: Notifier) -> None:
    ids = failed(rows, 10)
    other = rows.in_status(Status.FAILED, reason="another reason")
    words = ("redrive", "--because", "mailbox", "--reason", "mailboxes are back", "--per-second", "2")

    assert answer(notifier(*words, "--dry-run", "--json")) == {"would": "redrive", "deliveries": 10, "left_out": 0}
    assert journal(rows) == []
    assert answer(notifier(*words, "--json")) == {"redriven": 10, "left_out": 0}

    assert rows.status(other) is Status.FAILED
    assert {rows.status(id_) for id_ in ids} == {Status.PENDING}
    assert {rows.delivery(id_)["failures"] for id_ in ids} == {0}
    (span,) = rows.all("SELECT extract(epoch FROM max(due_at) - min(due_at))::float AS seconds FROM due")
    assert span["seconds"] == pytest.approx(4.5)
    assert journal(rows) == [("redrive", "mailboxes are back", 10)]


def given_up(rows: Rows) -> list[UUID]:
    """Return deliveries that may have been accepted: two were given up by a policy, one by an operator."""
    dropped = rows.pending(2)
    rows.attempts().begin(uuid4(), [Recipient(id_, "ana@example.com") for id_ in dropped], 0)
    end_leases(rows.engine, unknown_after=0.0)
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(OverdueAction.DROP, "its answer was lost"))
    by_hand = rows.in_status(Status.UNKNOWN)
    assert Operations(rows.engine, actor="eva").resolve(by_hand, Status.FAILED, "nobody misses it")
    return [*dropped, by_hand]


def refused_late(rows: Rows) -> UUID:
    """Return a delivery that became unknown at the end of its lease, and was refused by the late answer."""
    (id_,), token = rows.pending(), uuid4()
    rows.attempts().begin(token, [Recipient(id_, "ana@example.com")], 0)
    end_leases(rows.engine)
    assert rows.attempts().finish(token, [Change(id_, Status.FAILED, failed=True, reason="no such mailbox")]) == {id_}
    return id_


def test_redrive_leaves_out_what_may_have_been_accepted(rows: Rows, notifier: Notifier) -> None:
    maybe_sent = given_up(rows)
    refused = [*failed(rows, 2), refused_late(rows)]
    words = ("redrive", "--all", "--reason", "mailboxes are back")

    assert "would redrive 3" in (dry := notifier(*words, "--dry-run")).stdout
    assert "3 left out: their last answer was lost, so they may have been accepted" in dry.stderr
    assert answer(notifier(*words, "--json")) == {"redriven": 3, "left_out": 3}
    assert {rows.status(id_) for id_ in maybe_sent} == {Status.FAILED}
    assert {rows.status(id_) for id_ in refused} == {Status.PENDING}

    assert "--maybe-sent" in notifier(*words).stderr
    dry_words = (*words, "--maybe-sent", "--dry-run", "--json")
    assert answer(notifier(*dry_words)) == {"would": "redrive", "deliveries": 3, "left_out": 0}
    assert answer(notifier(*words, "--maybe-sent", "--json")) == {"redriven": 3, "left_out": 0}
    assert {rows.status(id_) for id_ in maybe_sent} == {Status.PENDING}


def test_a_cancelled_delivery_is_not_begun(rows: Rows, notifier: Notifier) -> None:
    waiting, sending = rows.pending()[0], rows.in_status(Status.SENDING)

    assert answer(notifier("cancel", "--all", "--reason", "wrong text", "--json")) == {"cancelled": 1}

    assert (rows.status(waiting), rows.status(sending)) == (Status.CANCELLED, Status.SENDING)
    assert rows.attempts().begin(uuid4(), [Recipient(waiting, "ana@example.com")], 60).begun == []


def test_a_paused_channel_begins_nothing_until_it_is_resumed(rows: Rows, notifier: Notifier) -> None:
    (id_,) = rows.pending()
    wanted = [Recipient(id_, "ana@example.com")]

    assert notifier("pause", "email", "--reason", "a wrong template").returncode == 0

    assert rows.attempts().load([id_]) == []
    assert rows.attempts().begin(uuid4(), wanted, 60).begun == []
    assert rows.attempts().begin(uuid4(), wanted, 60, probing=True).begun == []
    (stopped,) = answer(notifier("status", "--json"))["stopped"]
    assert (stopped["channel"], stopped["state"], stopped["reason"]) == ("email", "paused", "a wrong template")
    assert "a wrong template" in notifier("status").stdout

    assert "runs again" in notifier("resume", "email").stdout
    assert [each.id for each in rows.attempts().begin(uuid4(), wanted, 60).begun] == [id_]


def test_every_command_prints_json(rows: Rows, notifier: Notifier) -> None:
    def told(*words: str) -> Any:
        return answer(notifier(*words, "--json"))

    assert told("pause", "email", "--reason", "why") == {"channel": "email", "paused": True}
    assert told("pause", "email", "--reason", "why") == {"channel": "email", "paused": False}
    assert told("resume", "email") == {"channel": "email", "resumed": True}
    assert told("suppress", "add", "email", "ana@example.com") == {"suppressed": True}
    assert told("suppress", "add", "email", "ana@example.com") == {"suppressed": False}
    assert told("suppress", "remove", "email", "ana@example.com") == {"removed": 1, "opted_out": False}


@pytest.mark.parametrize(
    ("channel", "address", "told"),
    [
        ("email", "ana", "has no @"),
        ("email", "ana@example", "not one valid address"),
        ("email", "zoë@example.com", "ASCII"),
        ("email", "\u200b", "empty"),
        ("sms", "912 345 678", "NOTIFIER_SMS_REGION"),
        ("sms", "+351 912", "too short"),
        ("sms", "ana@example.com", "letters"),
        ("webhook", "example.com/hook", "https://"),
    ],
)
def test_an_invalid_recipient_is_not_suppressed(notifier: Notifier, channel: str, address: str, told: str) -> None:
    done = notifier("suppress", "add", channel, address)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "912" not in done.stderr.replace("+351912345678", "")


@pytest.mark.parametrize(
    ("channel", "address", "kept"),
    [
        ("email", "\ufeffTaro.@Docomo.example", "taro.@docomo.example"),
        ("email", '"Doe, J <j@x>" <J@example.com>', "j@example.com"),
        ("sms", "+351 (912) 345\u2011678", "+351912345678"),
        ("webhook", " https://EXAMPLE.com/hook#x", "https://example.com/hook"),
    ],
)
def test_a_recipient_is_suppressed_in_the_spelling_of_its_channel(
    rows: Rows, notifier: Notifier, channel: str, address: str, kept: str
) -> None:
    assert notifier("suppress", "add", channel, address).returncode == 0
    assert rows.one("SELECT channel, address FROM suppressions") == {"channel": channel, "address": kept}
    assert notifier("suppress", "remove", channel, address).returncode == 0


def test_an_opt_out_beside_a_graver_reason_stays_and_the_command_says_so(rows: Rows, notifier: Notifier) -> None:
    news = ("email", "ana@example.com", "--topic", "news")
    notifier("suppress", "add", *news, "--kind", "unsubscribe")
    notifier("suppress", "add", *news)
    assert "manual, unsubscribe" in " ".join(notifier("suppress", "list").stdout.split())
    assert "has opted out as well" in notifier("suppress", "remove", *news).stdout
    assert rows.one("SELECT reason FROM suppressions") == {"reason": "unsubscribe"}
    assert answer(notifier("suppress", "remove", *news, "--json")) == {"removed": 1, "opted_out": False}


def test_suppressions_are_added_listed_and_removed(rows: Rows, notifier: Notifier) -> None:
    assert "suppressed" in notifier("suppress", "add", "email", "Ana <ANA@example.com>", "--note", "asked").stdout
    (row,) = answer(notifier("suppress", "list", "--json"))["suppressions"]
    assert (row["address"], row["reason"], row["note"]) == ("a…@example.com", "manual", "asked")
    assert answer(notifier("suppress", "list", "--channel", "email", "--address", "ana@example.com", "--json"))
    (id_,) = rows.pending()
    assert rows.attempts().begin(uuid4(), [Recipient(id_, "ana@example.com")], 60).suppressed == [id_]

    assert notifier("suppress", "remove", "email", "ana@example.com").returncode == 0
    assert notifier("suppress", "remove", "email", "ana@example.com").returncode == 1
    assert [each[0] for each in journal(rows)] == ["suppress", "unsuppress"]


def test_retain_deletes_what_its_dry_run_lists(rows: Rows, notifier: Notifier) -> None:
    recorded(rows, 100, 2)
    recorded(rows, 101, 2, Status.UNKNOWN)
    settled(Retention(rows.engine, 0))

    plan = answer(notifier("retain", "--dry-run", "--json"))
    assert [(each["deliveries"], each["reason"]) for each in plan["days"]] == [(2, "unknown 2"), (2, None)]
    unset = notifier("retain")
    assert (unset.returncode, partitions(rows)) == (2, {day(100), day(101)})
    assert "NOTIFIER_KEEP_DAYS is not set" in unset.stderr
    assert "1 days dropped" in notifier("retain", NOTIFIER_KEEP_DAYS="90").stdout
    assert partitions(rows) == {day(101)}
    told = notifier("status").stdout
    assert "days older than NOTIFIER_KEEP_DAYS=90 that are kept: open: 1" in told


def test_retain_does_not_delete_what_another_process_was_told_to_keep(rows: Rows, notifier: Notifier) -> None:
    recorded(rows, 100, 2)
    settled(Retention(rows.engine, 365, explicit=True))
    assert answer(notifier("retain", "--dry-run", "--json")) == {"keep_days": 365, "days": [], "rows": ANY}
    for words in (("retain",), ("retain", "--shorten")):
        refused = notifier(*words, NOTIFIER_KEEP_DAYS="90")
        assert (refused.returncode, partitions(rows)) == (2, {day(100)}), refused.stderr
        assert "--reason" in refused.stderr
    assert "1 days dropped" in notifier("retain", "--shorten", "--reason", "disk", NOTIFIER_KEEP_DAYS="90").stdout
    assert ("keep days", "disk", 0) in journal(rows)


def test_commands_print_their_default_window(rows: Rows, notifier: Notifier) -> None:
    recorded(rows, 20, 2, Status.FAILED)
    words = ("redrive", "--because", "", "--channel", "email", "--reason", "why", "--dry-run")

    near = notifier(*words)
    assert "would redrive 0" in near.stdout
    assert f"events since {day(7)}" in near.stderr
    assert "would redrive 2" in notifier(*words, "--all").stdout
    assert answer(notifier("list", "--json"))["notifications"] == []
    assert f"events since {day(7)}" in notifier("list").stderr
    assert len(answer(notifier("list", "--since", str(day(21)), "--json"))["notifications"]) == 2
