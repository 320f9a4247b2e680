"""The page *Needs a person*, on a real database."""

import html
import re
from functools import partial, partialmethod

import pytest
from sqlalchemy import event

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

LATER = {
    "quarantine": (
        "INSERT INTO quarantine (shard, sequence_number, record, error, quarantined_at) "
        "SELECT id, number, '{}', 'an error ' || number, at FROM shards, given"
    ),
    "duplicates": (
        "INSERT INTO duplicates (notification_id, message_id, detected_at) "
        "SELECT gen_random_uuid(), 'an error ' || number, at FROM given"
    ),
    "dead-letters": (
        "INSERT INTO dead_letters (raw, error, received_at) "
        "SELECT convert_to(number::text, 'UTF8'), 'an error ' || number, at FROM given"
    ),
}
"""By kind, how one of `given` numbers comes about at its time."""
KINDS = tuple(LATER)


def comes(rows: Rows, kind: str, first: int, last: int | None = None, at: str = "now()") -> None:
    """Add one of that kind for each number."""
    numbers = "generate_series(CAST(:first AS int), CAST(:last AS int))"
    given = f"WITH given AS (SELECT number, {at} AS at FROM {numbers} AS number) "
    rows.run(given + LATER[kind], first=first, last=last or first)


def shown(person: Person, kind: str) -> dict[str, str]:
    """Return the hidden fields of the form that acknowledges, as the page shows it now."""
    page = person.get("/attention/failures" if kind == "failures" else "/attention").text
    (form,) = re.findall(rf'<form method="post" action="/attention/{kind}/acknowledge">.*?</form>', page, re.DOTALL)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html.unescape(form)))
    return {name: value for name, value in fields.items() if name != "csrf"}


def acknowledge(person: Person, kind: str, form: dict[str, str]) -> str:
    """Send that form. Return what the next page says."""
    person.post(f"/attention/{kind}/acknowledge", reason="known", **form)
    (said,) = person.flashes()
    return said


def scopes(console: Console) -> list[str]:
    return [row["scope"] for row in Journal(console.engine).newest(JournalFilter(), 10)]


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
    for kind in KINDS:
        acknowledge(operator, kind, shown(operator, kind))
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


def test_the_page_counts_each_kind_once(rows: Rows, console: Console, viewer: Person) -> None:
    """So that a number is the same wherever the page has it, and is read once."""
    for kind in KINDS:
        comes(rows, kind, 1)
    seen: list[str] = []
    event.listen(console.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert viewer.get("/attention").status_code == 200
    counted = [table for each in seen for table in re.findall(r"SELECT count\(\*\) FROM (\w+)", each)]
    assert sorted(counted) == ["dead_letters", "due", "due", "duplicates", "quarantine"]


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


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_the_page_counted_is_acknowledged(
    rows: Rows, console: Console, operator: Person, kind: str
) -> None:
    comes(rows, kind, 100, 152)
    page = text_of(operator.get("/attention").text)
    assert " 50 of 53. " in page
    assert "This covers all 53 that were open at " in page
    form = shown(operator, kind)
    comes(rows, kind, 200)
    assert acknowledge(operator, kind, form).startswith("53 ")
    (scope,) = scopes(console)
    assert scope == f"until={form['until']} rows=53"
    after = operator.get("/attention").text
    assert "an error 200" in after
    assert "an error 1" not in after
    assert acknowledge(operator, kind, shown(operator, kind)).startswith("1 ")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_about_to_be_written_when_the_page_was_read_is_not_acknowledged(
    rows: Rows, console: Console, operator: Person, kind: str
) -> None:
    comes(rows, kind, 1)
    form = shown(operator, kind)
    comes(rows, kind, 2, at="now() - interval '1 minute'")
    assert "there are 2 up to the time of the page, and it said 1" in acknowledge(operator, kind, form)
    assert scopes(console) == []
    page = operator.get("/attention").text
    assert "an error 1" in page
    assert "an error 2" in page


@pytest.mark.parametrize("kind", [*KINDS, "failures"])
def test_a_form_that_does_not_say_what_was_shown_acknowledges_nothing(
    rows: Rows, console: Console, operator: Person, kind: str
) -> None:
    for form in ({}, {"until": "tomorrow", "shown": "1"}):
        assert acknowledge(operator, kind, form).startswith("The form does not say what its page showed")
    if kind in KINDS:
        comes(rows, kind, 1)
        form = shown(operator, kind)
        for count in ("-1", "9" * 30, ""):
            assert acknowledge(operator, kind, form | {"shown": count}).startswith("The form does not say")
    assert scopes(console) == []


def test_what_is_yet_to_come_cannot_be_acknowledged(rows: Rows, operator: Person) -> None:
    comes(rows, "dead-letters", 1)
    ahead = {"until": "2100-01-01T00:00:00+00:00", "shown": "10"}
    assert acknowledge(operator, "dead-letters", ahead).startswith("1 ")
    comes(rows, "dead-letters", 2)
    assert "an error 2" in operator.get("/attention").text


def test_a_page_that_was_opened_earlier_takes_nothing_back(rows: Rows, operator: Person) -> None:
    comes(rows, "dead-letters", 1)
    earlier = shown(operator, "dead-letters")
    comes(rows, "dead-letters", 2)
    assert acknowledge(operator, "dead-letters", shown(operator, "dead-letters")).startswith("2 ")
    assert acknowledge(operator, "dead-letters", earlier).startswith("0 ")
    assert "an error" not in operator.get("/attention").text


def test_what_an_older_version_acknowledged_stays_acknowledged(rows: Rows, operator: Person) -> None:
    comes(rows, "dead-letters", 1)
    rows.run("INSERT INTO operations (actor, action, scope) VALUES ('a', 'acknowledge dead letters', 'rows=1')")
    assert "an error" not in operator.get("/attention").text


def test_errors_after_the_page_was_read_stay(rows: Rows, console: Console, operator: Person) -> None:
    raises(rows, rows.pending(2), 1, Status.FAILED)
    form = shown(operator, "failures")
    raises(rows, rows.pending(1), 1, Status.FAILED)
    assert acknowledge(operator, "failures", form).startswith("The errors of 1 routes are acknowledged.")
    (row,) = Journal(console.engine).newest(JournalFilter(), 10)
    assert (row["scope"], row["deliveries"]) == (f"until={form['until']} email a_route", 2)
    assert re.search(
        r"a_route email 1 0 ", text_of(operator.get("/attention/failures").text.partition("Routes that")[2])
    )
