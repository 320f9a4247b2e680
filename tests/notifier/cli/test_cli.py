"""The output of commands on real rows."""

import json
import re
import subprocess
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from notifier.cli.connection import connected, open_report
from notifier.cli.inspect.shards import as_tree
from notifier.notifications import Status
from notifier.operating.details import last_traceback
from notifier.outbox import Change, Quarantined, Recipient, read_gauges
from tests.notifier.cli.in_process import Notifier, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows
from tests.sql import Sql

__all__ = ["engine", "notifier", "rows"]


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def sent_and_failed(rows: Rows) -> tuple[uuid.UUID, uuid.UUID]:
    sent, failed = rows.pending(2)
    attempts, token = rows.attempts(), uuid.uuid4()
    attempts.begin(token, [Recipient(sent, "ana@example.com"), Recipient(failed, "bo@example.com")], 60)
    changes = [Change(sent, Status.SENT, message_id="m-1"), Change(failed, Status.FAILED, reason="no such mailbox")]
    attempts.finish(token, changes)
    return sent, failed


def test_status_of_an_empty_outbox(notifier: Notifier) -> None:
    assert "No notification yet." in notifier("status").stdout
    assert "is a bridge running?" in notifier("shards").stdout
    days = {"days": 0, "oldest": None, "oldest_age": 0, "overdue": {}, "keep_days": 90}
    assert answer(notifier("status", "--json")) == {
        "deliveries": [],
        "stopped": [],
        "parked": [],
        "missing_routes": [],
        "records": [],
        "lanes": [],
        "status_updates": [],
        "days": days,
    }


def test_status_and_list(rows: Rows, notifier: Notifier) -> None:
    _, failed = sent_and_failed(rows)

    counted = answer(notifier("status", "--json"))["deliveries"]
    assert {row["status"]: row["deliveries"] for row in counted} == {"sent": 1, "failed": 1}
    (found,) = answer(notifier("list", "--status", "failed", "--json"))["notifications"]
    assert (found["notification_id"], found["reason"]) == (str(failed), "no such mailbox")
    assert found["recipient"] == "b…@example.com"
    assert "bo@example.com" in notifier("list", "--reveal").stdout
    assert "no such mailbox" in notifier("list").stdout


def test_show_lists_every_change(rows: Rows, notifier: Notifier) -> None:
    sent, failed = sent_and_failed(rows)

    shown = answer(notifier("show", str(failed), "--json"))
    assert [line["change"] for line in shown["timeline"]] == ["recorded", "pending → sending", "sending → failed"]
    shown = answer(notifier("show", str(sent), "--json"))
    assert [line["change"] for line in shown["timeline"]] == ["recorded", "pending → sending", "sending → sent"]
    assert shown["provider_message_id"] == "m-1"
    assert "record" not in shown
    assert "--reveal" in shown["hidden"]
    assert answer(notifier("show", str(sent), "--json", "--reveal"))["record"] == '{"n":1}'
    table = notifier("show", str(failed)).stdout
    assert "no such mailbox" in table
    assert "bo@example.com" not in table


def test_what_is_shown_is_no_markup(rows: Rows, notifier: Notifier) -> None:
    rows.in_status(Status.FAILED, reason="no such tag [/b] in [name]")
    assert "no such tag [/b] in [name]" in notifier("list").stdout


def test_personal_data_needs_reveal(rows: Rows, notifier: Notifier) -> None:
    (id_,) = rows.pending()
    image = {"pk": {"S": "user#7"}, "to": {"S": "ana@example.com"}}
    record = json.dumps({"dynamodb": {"Keys": {"pk": {"S": "user#7"}}, "NewImage": image}}).encode()
    with rows.engine.begin() as connection:
        connection.execute(text("UPDATE notifications SET record = :record"), {"record": record})

    shown = answer(notifier("show", str(id_), "--json"))
    assert (shown["keys"], shown["attributes"]) == ({"pk": "user#7"}, ["pk", "to"])
    assert "ana@example.com" not in notifier("show", str(id_), "--json").stdout + notifier("show", str(id_)).stdout
    assert "ana@example.com" in notifier("show", str(id_), "--reveal").stdout


def test_only_the_last_traceback_is_shown() -> None:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    events = [{"at": at, "status_to": "pending", "detail": f"Traceback {number}"} for number in range(3)]
    told = last_traceback(events)
    assert told == "the last of 3, 2026-01-31 00:00:00 UTC, pending\nTraceback 2"


def test_an_audit_that_is_balanced(rows: Rows, notifier: Notifier) -> None:
    sent_and_failed(rows)
    rows.record(rows.page([10, 11], [Quarantined("12", b"{}", "not a record")], unrouted=2))
    found = answer(notifier("audit", "--json"))
    assert found["balanced"]
    assert found["stranded"] == []
    assert "not a record" in notifier("audit").stdout


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM notifications",
        "DELETE FROM publications",
        "UPDATE shards SET records_notified = 1, records_unrouted = 1",
    ],
)
def test_an_audit_that_is_not_balanced(rows: Rows, notifier: Notifier, damage: str) -> None:
    rows.pending(2)
    rows.run(damage)
    assert notifier("audit").returncode == 1
    assert notifier("audit", "--json").returncode == 1


def test_a_database_error_is_one_line(rows: Rows, notifier: Notifier) -> None:
    (id_,) = rows.pending()
    rows.run(f'ALTER DATABASE "{rows.engine.url.database}" SET lock_timeout = 50')
    with rows.engine.begin() as connection:
        connection.execute(text("LOCK TABLE deliveries"))
        for words in (("status",), ("audit", "--json"), ("cancel", str(id_), "--reason", "why")):
            done = notifier(*words)
            assert (done.returncode, done.stdout) == (2, "")
            assert re.fullmatch(r"notifier: the database failed: LockNotAvailable 55P03\. .+\n", done.stderr)


def test_reports_have_a_longer_statement_timeout(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    with open_report() as outbox, connected() as engine:
        patience = [Sql(each).one("SHOW statement_timeout") for each in (outbox._engine, engine)]
    assert [each["statement_timeout"] for each in patience] == ["5min", "30s"]


def test_shards(rows: Rows, notifier: Notifier) -> None:
    rows.pending(3)
    (shard,) = answer(notifier("shards", "--json"))["shards"]
    assert (shard["shard_id"], shard["owner"], shard["records_read"]) == ("shardId-1", "me", 3)


def test_a_gap_is_reported_until_it_is_acknowledged(rows: Rows, notifier: Notifier) -> None:
    rows.pending()
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, 'records were trimmed' FROM shards")
    assert notifier("audit").returncode == 1
    assert "records were trimmed" in notifier("shards").stdout
    assert "1 gaps acknowledged" in notifier("audit", "--acknowledge-gaps").stderr
    assert notifier("audit").returncode == 0


def test_shards_without_an_owner_have_a_lag(rows: Rows, notifier: Notifier) -> None:
    rows.run("UPDATE shards SET owner = NULL, lease_until = NULL, discovered_at = now() - interval '2 h'")
    (shard,) = answer(notifier("shards", "--json"))["shards"]
    assert 7_199 < shard["lag_seconds"] < 7_300
    assert "ALARM" in notifier("shards").stdout
    assert read_gauges(rows.engine, 90).lag["unread"] == 1
    rows.run("UPDATE shards SET caught_up_at = now() - interval '2 min'")
    assert re.search(r"1[2-9]\d s warning", notifier("shards").stdout)


def test_shards_are_shown_as_a_tree() -> None:
    def shard(name: str, parent: str | None) -> dict[str, Any]:
        return {"table_name": "t", "shard_id": name, "parent_shard_id": parent}

    rows = [shard("a", "trimmed"), shard("b", "a"), shard("c", "b"), shard("d", "a"), shard("e", None)]
    assert [line["shard"] for line in as_tree(rows)] == ["a", "└ b", "  └ c", "└ d", "e"]
