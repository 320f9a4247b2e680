"""What holds for every page. A page that is added is tested by itself."""

import re

from tests.outbox.rows import Rows
from tests.web.console.addresses import address
from tests.web.console.person import Person
from web.console.app import Console

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'><svg onload=alert(2)>"
"""What an item, a provider or an operator might say."""


def test_pages_have_no_script_and_no_style_of_their_own(console: Console, admin: Person) -> None:
    """The policy would refuse them."""
    for each in console.endpoints:
        if each.method == "GET" and "{" not in each.path:
            html = admin.get(each.path).text
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", html), each.path


def test_what_others_say_is_shown_as_text(console: Console, rows: Rows, admin: Person) -> None:
    """In every column of every table that takes text."""
    rows.pending()
    poison(rows)
    for each in console.endpoints:
        if each.method == "GET" and "{" not in each.path:
            html = admin.get(address(each)).text
            assert "<script>alert" not in html, each.path
            assert "<img src=x" not in html, each.path
            assert "<svg onload" not in html, each.path


def test_a_page_that_cannot_be_shown_says_why(console: Console, rows: Rows, viewer: Person) -> None:
    rows.run("ALTER TABLE delivery_counts RENAME TO gone")
    answer = viewer.get("/")
    assert answer.status_code == 503
    assert "This page cannot be shown now" in answer.text
    assert "The database failed: " in answer.text


def poison(rows: Rows) -> None:
    values = {"bad": SCRIPT, "shard": rows.lease.shard}
    rows.run("UPDATE deliveries SET recipient = :bad, reason = :bad, status = 'failed', ended_at = now()", **values)
    rows.run(
        "INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor, reason, detail) "
        "SELECT notification_id, 'pending', 'failed', 1, :bad, :bad, :bad FROM deliveries",
        **values,
    )
    rows.run("UPDATE notifications SET route = :bad, channel = :bad, table_name = :bad", **values)
    rows.run(
        "INSERT INTO quarantine (shard, sequence_number, record, error) VALUES (:shard, :bad, '{}', :bad)", **values
    )
    rows.run("INSERT INTO gaps (shard, reason, after_sequence_number) VALUES (:shard, :bad, :bad)", **values)
    rows.run("INSERT INTO dead_letters (raw, error) VALUES ('x', :bad)", **values)
    rows.run("UPDATE shards SET owner = :bad", **values)
    rows.run("INSERT INTO operations (actor, action, reason, scope) VALUES (:bad, 'pause', :bad, :bad)", **values)
    rows.run("INSERT INTO channels (channel, state, reason, actor) VALUES (:bad, 'paused', :bad, :bad)", **values)
    rows.run(
        "INSERT INTO suppressions (channel, address, reason, actor) VALUES ('email', :bad, 'manual', :bad)", **values
    )
