"""Personal data that a command shows in full is a row of the journal."""

from notifier.notifications import Status
from notifier.outbox import Journal, JournalFilter, Suppressions
from tests.notifier.cli.in_process import Notifier, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]


def journaled(rows: Rows) -> list[tuple[str, str]]:
    found = Journal(rows.engine).newest(JournalFilter(action="reveal"), 9)
    return [(row["scope"], row["reason"]) for row in found]


def test_one_notification(rows: Rows, notifier: Notifier) -> None:
    id_ = rows.in_status(Status.FAILED, recipient="ana@example.com")
    notifier("show", str(id_))
    assert journaled(rows) == []
    assert "ana@example.com" in notifier("show", str(id_), "--reveal").stdout
    notifier("show", str(id_), "--reveal", "--reason", " she asked ", "--json")
    scope = f"notification {id_}"
    assert journaled(rows) == [(scope, "she asked"), (scope, "no reason was given")]


def test_lists(rows: Rows, notifier: Notifier) -> None:
    for _ in range(2):
        rows.in_status(Status.FAILED, recipient="ana@example.com")
    rows.in_status(Status.PENDING)
    Suppressions(rows.engine, actor="eva").add("email", "bo@example.com", reason="manual")
    notifier("list")
    notifier("suppress", "list")
    notifier("list", "--status", "sent", "--reveal")  # no row matches
    assert journaled(rows) == []
    assert "ana@example.com" in notifier("list", "--reveal").stdout
    assert "bo@example.com" in notifier("suppress", "list", "--reveal", "--reason", "she called").stdout
    assert journaled(rows) == [
        ("1 recipients of notifier suppress list", "she called"),
        ("2 recipients of notifier list", "no reason was given"),
    ]


def test_a_record_in_quarantine(rows: Rows, notifier: Notifier) -> None:
    rows.run(
        "INSERT INTO quarantine (shard, sequence_number, record, error) VALUES (:shard, '7', '{\"a\": 1}', 'odd')",
        shard=rows.lease.shard,
    )
    id_ = str(rows.one("SELECT id FROM quarantine")["id"])
    notifier("quarantine", "show", id_)
    assert journaled(rows) == []
    assert '{"a": 1}' in notifier("quarantine", "show", id_, "--reveal", "--reason", "what is it?").stdout
    assert journaled(rows) == [(f"quarantine {id_}", "what is it?")]
