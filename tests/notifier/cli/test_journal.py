"""Each change by an operator is a row of the journal with the actor, and `notifier operations` shows it."""

import itertools
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from notifier.notifications import Status
from notifier.outbox import ACTIONS, ChannelStates, Operations, Report
from notifier.outbox.delivery import channels as channel_rows
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import ARN, Rows

ROOT = Path(__file__).parents[3]

__all__ = ["engine", "notifier", "rows"]


BY_HAND = "SELECT * FROM operations WHERE action <> 'keep days'"
"""Without `keep days`: a function of the database writes that when a process first names a number of days."""


ELSEWHERE = ("bring forward", "erase", "export suppressions", "replay quarantine", "reveal")
"""Of the console's pages, and of commands with tests of their own, which write several rows or need routes."""


def listed(notifier: Notifier, *words: str) -> list[dict[str, Any]]:
    return answer(notifier("operations", *words, "--json"))["operations"]


def everything(rows: Rows) -> list[tuple[str, tuple[str, ...]]]:
    """Return each action with a command that does it."""
    failed, unknown = rows.in_status(Status.FAILED), rows.in_status(Status.UNKNOWN)
    pending = rows.pending()[0]
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, 'records were trimmed' FROM shards")
    for arn in ("arn:x/stream/1", "arn:x/stream/2"):
        rows.run("INSERT INTO streams (arn, table_name) VALUES (:arn, 'x')", arn=arn)
    why = ("--reason", "for the test")
    return [
        ("pause", ("pause", "email", *why)),
        ("resume", ("resume", "email", *why)),
        ("acknowledge gaps", ("audit", "--acknowledge-gaps", *why)),
        ("acknowledge duplicates", ("audit", "--acknowledge-duplicates", *why)),
        ("acknowledge quarantine", ("audit", "--acknowledge-quarantine", *why)),
        ("acknowledge dead letters", ("audit", "--acknowledge-dead-letters", *why)),
        ("acknowledge failures", ("audit", "--acknowledge-failures", *why)),
        ("cancel", ("cancel", str(pending), *why)),
        ("redrive", ("redrive", str(failed), *why)),
        ("resolve", ("resolve", str(unknown), "--sent", *why)),
        ("suppress", ("suppress", "add", "email", "ana@example.com", *why)),
        ("unsuppress", ("suppress", "remove", "email", "ana@example.com", *why)),
        ("rewind", ("rewind", "--table", "activity", *why)),
        ("cancel rewind", ("rewind", "--table", "activity", "--cancel", *why)),
        ("let go", ("let-go", "--stream", "arn:x/stream/1", *why)),
        ("retain", ("retain",)),
    ]


def test_each_command_that_changes_something_is_in_the_journal(
    rows: Rows, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_KEEP_DAYS", "90")
    commands = everything(rows)
    assert sorted([*(action for action, _ in commands), "keep days", *ELSEWHERE]) == sorted(ACTIONS)
    for action, words in commands:
        before = len(rows.all(BY_HAND))
        done = notifier(*words)
        assert done.returncode in (0, 1), done.stderr
        row = rows.one("SELECT * FROM operations ORDER BY id DESC LIMIT 1")
        assert (row["action"], row["reason"]) == (action, None if action == "retain" else "for the test")
        assert len(rows.all(BY_HAND)) == before + 1
        assert "@" in row["actor"]
        assert "ana@example.com" not in str(row)
    found = [each for each in listed(notifier) if each["action"] != "keep days"]
    assert [each["action"] for each in found] == [action for action, _ in reversed(commands)]


def test_the_actions_are_those_that_the_code_writes() -> None:
    code = "".join(
        file.read_text() for file in (*ROOT.glob("notifier/outbox/**/*.py"), *ROOT.glob("alembic/versions/*.py"))
    )
    written = re.findall(r"journal\(connection, \w+(?:\._actor)?, \"([a-z ]+)\"", code)
    written += re.findall(r"VALUES \(session_user, '([a-z ]+)'", code)
    written += re.findall(r"self\._(?:run|move)\(\s*\"([a-z ]+)\"", code)
    written += re.findall(r'^(?:DEAD_LETTERS|FAILURES) = "([a-z ]+)"', code, re.MULTILINE)
    assert sorted(set(written)) == sorted(ACTIONS)


def test_shorter_retention_is_journalled_with_actor_and_reason(
    rows: Rows, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_KEEP_DAYS", "30")
    monkeypatch.setenv("NOTIFIER_ACTOR", "eva")
    assert notifier("retain", "--shorten", "--reason", "the disk is full").returncode == 0
    (row,) = rows.all(BY_HAND)
    assert (row["actor"], row["action"], row["reason"]) == ("eva", "retain", "the disk is full")


def test_commands_that_change_nothing_are_not_journalled(rows: Rows, notifier: Notifier) -> None:
    (id_,) = rows.pending()
    for words in (
        ("status",), ("list",), ("show", str(id_)), ("shards",), ("audit",), ("operations",), ("suppress", "list"),
        ("cancel", "--all", "--reason", "why", "--dry-run"), ("redrive", "--all", "--reason", "why", "--dry-run"),
        ("retain", "--dry-run"), ("rewind", "--list"), ("rewind", "--table", "activity", "--dry-run"),
        ("cancel", str(uuid.uuid4()), "--reason", "why"), ("resolve", str(id_), "--sent", "--reason", "why"),
        ("suppress", "remove", "email", "ana@example.com"), ("let-go", "--stream", ARN, "--reason", "why"),
    ):  # fmt: skip
        assert "Traceback" not in notifier(*words).stderr
    assert rows.all("SELECT * FROM operations") == []


def test_a_change_of_nothing_is_not_journalled_as_done(rows: Rows, notifier: Notifier) -> None:
    assert "none matches" in notifier("cancel", "--channel", "email", "--reason", "wrong text").stdout
    (row,) = listed(notifier)
    assert (row["scope"].endswith(": none matched"), row["deliveries"]) == (True, 0)
    assert "cancelled" not in row["scope"]


def test_the_reason_of_a_pause_is_kept_when_the_channel_runs_again(rows: Rows, notifier: Notifier) -> None:
    assert notifier("pause", "email", "--reason", "a wrong template").returncode == 0
    assert notifier("pause", "email", "--reason", "and a wrong sender").returncode == 0
    assert notifier("resume", "email", "--reason", "both are right").returncode == 0
    resumed, again, paused = listed(notifier, "--about", "email")
    assert (paused["action"], paused["reason"], paused["scope"]) == ("pause", "a wrong template", "email")
    assert (again["reason"], again["scope"]) == ("and a wrong sender", "email, which was paused")
    assert (resumed["action"], resumed["reason"]) == ("resume", "both are right")
    assert resumed["scope"].startswith("email, paused by ")
    assert resumed["scope"].endswith(": a wrong template")
    assert "a wrong template" in notifier("operations").stdout


@pytest.mark.parametrize("how", ["paused by feedback", "parked by a worker"])
def test_why_a_process_stopped_a_channel_is_kept_too(rows: Rows, notifier: Notifier, how: str) -> None:
    if how == "paused by feedback":
        with rows.engine.begin() as connection:
            channel_rows.pause(connection, "email", "4.72 % of all mails bounced", "feedback")
    else:
        ChannelStates(rows.engine, actor="a worker").park("email", "4.72 % of all mails bounced")
    assert notifier("resume", "email").returncode == 0
    (row,) = listed(notifier)
    assert row["scope"].startswith(f"email, {how} at 2")
    assert row["scope"].endswith(": 4.72 % of all mails bounced")
    assert row["reason"] is None


def test_times_have_one_form_in_the_journal_and_that_of_other_texts_for_people(
    rows: Rows, notifier: Notifier
) -> None:
    for _ in range(2):
        rows.in_status(Status.FAILED)
    rows.pending()
    why = ("--reason", "for the test")
    commands = [
        ("pause", "email", *why),
        ("resume", "email", *why),
        ("cancel", "--since", "2026-01-31T12:00:00+02:00", *why),
        ("redrive", "--since", "2026-01-31T12:00:00.5", *why),
        ("rewind", "--table", "activity", "--to", "2026-01-31", *why),
        ("audit", "--acknowledge-dead-letters", "--until", "2026-01-31T12:00:00", *why),
        ("audit", "--acknowledge-failures", *why),
    ]
    for words in commands:
        done = notifier(*words)
        assert done.returncode in (0, 1), done.stderr
    scopes = [row["scope"] for row in listed(notifier) if row["action"] not in ("pause", "keep days")]
    times = {scope: re.findall(r"\d{4}-\d\d-\d\d(?:[T ]\S+)?", scope) for scope in scopes}
    assert len(times) == len(commands) - 1
    assert all(times.values()), times
    for each in itertools.chain(*times.values()):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", each), times
    shown = notifier("operations").stdout
    assert "due until 2" in shown
    assert "since=2026-01-31 10:00:00 UTC" in shown
    assert "to=2026-01-31 00:00:00 UTC" in shown
    assert "until=2026-01-31 12:00:00 UTC rows=0" in shown
    assert not re.search(r"\d{4}-\d\d-\d\d(?! \d\d:\d\d:\d\d UTC)", shown)


def test_what_older_versions_wrote_is_shown_in_the_same_form(rows: Rows, notifier: Notifier) -> None:
    for scope in (
        "until=2026-01-31T12:00:00.123456+00:00 rows=1",
        "until=2026-01-31T12:00:00+00:00 rows=1",
        "email, paused by eva at 2026-01-31 12:00:00 UTC: why",
    ):
        rows.run("INSERT INTO operations (actor, action, scope) VALUES ('a', 'resume', :scope)", scope=scope)
    shown = notifier("operations").stdout
    assert shown.count("2026-01-31 12:00:00 UTC") == 3
    assert "2026-01-31T" not in shown


def test_the_actor_is_the_variable_or_the_login(
    rows: Rows, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "login")
    for name in ("Zoë Ångström (on call)", "eva", ""):
        monkeypatch.setenv("NOTIFIER_ACTOR", name)
        assert notifier("pause", "email", "--reason", "why").returncode == 0
    first, second, third = (row["actor"] for row in rows.all("SELECT actor FROM operations ORDER BY id"))
    assert (first, second) == ("Zoë Ångström (on call)", "eva")
    assert third.startswith("login@")
    assert Report(rows.engine).channels()[0].actor == first


def test_rows_are_filtered(rows: Rows, notifier: Notifier) -> None:
    ids = rows.pending(2)
    for actor, id_ in zip(("Eva@desk", "bo@desk"), ids, strict=True):
        from notifier.outbox import Selection

        assert list(Operations(rows.engine, actor=actor).cancel(Selection(ids=[id_]), f"of {actor}")) == [1]
    rows.run("UPDATE operations SET at = now() - interval '3 days' WHERE actor = 'Eva@desk'")
    assert [each["actor"] for each in listed(notifier, "--actor", "eva")] == ["Eva@desk"]
    assert [each["actor"] for each in listed(notifier, "--about", str(ids[1]))] == ["bo@desk"]
    assert [each["actor"] for each in listed(notifier, "--about", "of Eva")] == ["Eva@desk"]
    assert len(listed(notifier, "--action", "cancel")) == 2
    assert len(listed(notifier, "--limit", "1")) == 1
    since = rows.one("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM-DD') AS day")["day"]
    assert [each["actor"] for each in listed(notifier, "--since", since)] == ["bo@desk"]
    assert [each["actor"] for each in listed(notifier, "--until", since)] == ["Eva@desk"]
    assert listed(notifier, "--action", "pause") == []
    assert "no action is called" in notifier("operations", "--action", "pausing").stderr
    assert notifier("operations", "--since", "2026-02-01", "--until", "2026-01-01").returncode == 2
