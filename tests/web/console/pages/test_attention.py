"""The page *Needs a person*, on a real database."""

import html
import re
from functools import partial, partialmethod

import pytest

from notifier.notifications import Status
from notifier.outbox import Journal, JournalFilter, Quarantined, Search
from notifier.outbox.operator import report
from notifier.outbox.operator.failures import estimate_failing
from tests.notifier.cli.status.test_waiting import gave_back
from tests.notifier.cli.test_failing_routes import raises
from tests.outbox.rows import Rows
from tests.web.console.pages.test_channels import text_of
from tests.web.console.person import Person
from web.console.app import Console
from web.console.pages import attention


def test_nothing(viewer: Person) -> None:
    assert "Every record is on its way or at its end." in viewer.get("/attention/failures").text
    assert "Every record is on its way or at its end." in viewer.get("/attention?failures=show").text


def test_that_not_all_was_read_is_not_nothing(rows: Rows, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.pending(3)
    monkeypatch.setattr(attention, "_FAILURES_SECONDS", 0.0)
    for address in ("/attention/failures", "/attention/failures?others=1", "/attention?failures=show"):
        page = viewer.get(address).text
        assert "Every record is on its way" not in page
        assert "were not read" in page


def test_each_kind_is_shown_and_acknowledged(rows: Rows, console: Console, operator: Person) -> None:
    held, unknown = (rows.in_status(Status.UNKNOWN, recipient="ana@example.com") for _ in range(2))
    for id_, kind in ((held, "held"), (unknown, "unknown")):
        rows.run(
            "INSERT INTO due (notification_id, kind, channel, due_at) VALUES (:id, :kind, 'email', now()) "
            "ON CONFLICT (notification_id) DO UPDATE SET kind = :kind",
            id=id_,
            kind=kind,
        )
    rows.in_status(Status.FAILED, reason="Rejected: code 17", ended_at="now")
    rows.record(rows.page([int(rows.checkpoint or 0) + 1], [Quarantined("999", b"{}", "not understood")]))
    rows.run("INSERT INTO gaps (shard, reason) VALUES (:shard, 'trimmed')", shard=rows.lease.shard)
    rows.run("INSERT INTO duplicates (notification_id, message_id) VALUES (:id, 'second')", id=held)
    rows.run("INSERT INTO dead_letters (raw, error) VALUES ('x', 'no JSON')")
    page = text_of(operator.get("/attention").text + operator.get("/attention/failures?others=1").text)
    assert "Rejected: code 17" in operator.get("/attention?failures=show").text
    assert "Every record is on its way" not in page
    for text in (
        "1 for a person, 1 that wait for evidence",
        "Rejected: code 17",
        "not understood",
        "trimmed",
        "second",
        "no JSON",
    ):
        assert text in page
    (gap,) = rows.all("SELECT id FROM gaps")
    operator.post("/attention/gaps/acknowledge", reason="known", gap=str(gap["id"]))
    operator.post("/attention/duplicates/acknowledge", reason="known")
    operator.post("/attention/quarantine/acknowledge", reason="known")
    operator.post("/attention/dead-letters/acknowledge", reason="known")
    after = text_of(operator.get("/attention").text)
    for text in ("not understood", "trimmed", "second", "no JSON"):
        assert text not in after
    done = [row["action"] for row in Journal(console.engine).newest(JournalFilter(), 10)]
    assert sorted(done) == [
        "acknowledge dead letters",
        "acknowledge duplicates",
        "acknowledge gaps",
        "acknowledge quarantine",
    ]


def test_routes_that_workers_do_not_have(rows: Rows, viewer: Person, operator: Person) -> None:
    gave_back(rows, rows.pending(2), "is gone")
    page = viewer.get("/attention/failures").text
    assert re.search(r"is gone email 2 .* show ", text_of(page)), text_of(page)
    assert "/notifications/all/cancel" not in page
    assert "Every record is on its way" not in page
    (address,) = re.findall(r'"(/notifications/all/cancel[^"]+)"', operator.get("/attention/failures").text)
    assert "2" in text_of(operator.get(html.unescape(address)).text)


def test_a_gap_that_opened_since_the_page_stays_open(rows: Rows, operator: Person) -> None:
    rows.run("INSERT INTO gaps (shard, reason) VALUES (:shard, 'trimmed')", shard=rows.lease.shard)
    operator.post("/attention/gaps/acknowledge", reason="known", gap="0")
    assert operator.flashes() == ["0 gaps are acknowledged."]
    assert "trimmed" in operator.get("/attention").text


def test_what_is_read_of_many_failures_is_said(rows: Rows, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    raises(rows, rows.pending(3), 1, Status.FAILED)
    page = viewer.get("/attention/failures").text
    assert re.search(r"a_route email 3 0 ", text_of(page))
    assert "estimated" not in page
    assert "newest 3 failures" not in page
    monkeypatch.setattr(report, "estimate_failing", partial(estimate_failing, looked_at=1))
    monkeypatch.setattr(Search, "failures", partialmethod(Search.failures, most=3))
    page = viewer.get("/attention/failures").text
    assert re.search(r"a_route email about 3 about 0 ", text_of(page)), text_of(page)
    assert "estimated from a part of the failures" in page
    assert "These are the newest 3 failures." in page
