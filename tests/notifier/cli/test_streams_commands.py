"""`notifier rewind` and `let-go`."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from notifier.outbox import Page, RewindRequests
from notifier.outbox.rewinds.pages import WAITS_FOR_ROOM
from tests.notifier.cli.test_cli import Notifier, answer, engine, notifier, rows
from tests.outbox.rows import ARN, Rows
from tests.waiting import wait_until

__all__ = ["engine", "notifier", "rows"]


@pytest.fixture
def unrouted(rows: Rows) -> Rows:
    rows.record(Page("9", datetime.now(UTC), [], [], 7))
    return rows


def test_a_rewind_is_planned_asked_for_listed_and_cancelled(unrouted: Rows, notifier: Notifier) -> None:
    which = ("--table", "activity", "--to", (datetime.now(UTC) - timedelta(hours=1)).isoformat())
    plan = answer(notifier("rewind", *which, "--dry-run", "--json"))
    assert (plan["unrouted"], plan["quarantined"], [row["until"] for row in plan["shards"]]) == (7, 0, ["9"])
    assert unrouted.all("SELECT * FROM rewinds") == []
    assert "shardId-1" in notifier("rewind", "--shard", "shardId-1", "--dry-run").stdout

    asked = answer(notifier("rewind", *which, "--reason", "a route came late", "--json"))
    assert (asked["shards"], asked["unrouted"]) == (1, 7)
    (row,) = asked["rewinds"]
    assert (row["state"], row["shard_id"], row["reason"]) == ("waiting", "shardId-1", "a route came late")
    assert answer(notifier("rewind", "--list", "--json"))["rewinds"][0]["id"] == row["id"]
    assert "waiting" in notifier("rewind", "--list").stdout

    cancelled = answer(notifier("rewind", "--table", "activity", "--cancel", "--reason", "by mistake", "--json"))
    assert cancelled == {"cancelled": 1}
    actions = [each["action"] for each in unrouted.all("SELECT action FROM operations ORDER BY id")]
    assert actions == ["rewind", "cancel rewind"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("rewind",), "--table NAME or --shard ID"),
        (("rewind", "--table", "activity"), "--reason is missing"),
        (("rewind", "--table", "activity", "--reason", " "), "--reason is missing"),
        (("rewind", "--table", "activty", "--reason", "why"), "no shard is known for table=activty"),
        (("rewind", "--table", "activity", "--reason", "why", "--to", "yesterday"), "neither a time"),
        (("rewind", "--table", "activity", "--reason", "why", "--to", "2126-01-01T00:00:00"), "in the future"),
        (("let-go", "--reason", "why"), "say one of"),
        (("let-go", "--reason", " ", "--table", "activity"), "--reason is empty"),
        (("let-go", "--reason", "why", "--stream", ARN), "newest stream"),
        (("let-go", "--reason", "why", "--table", "activity"), "is read by me"),
    ],
)
def test_a_usage_error_of_streams_is_one_line(
    unrouted: Rows, notifier: Notifier, words: tuple[str, ...], why: str
) -> None:
    done = notifier(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_rewind_with_wait_ends_when_it_is_cancelled(unrouted: Rows, notifier: Notifier, database_url: str) -> None:
    which = ("--shard", "shardId-1", "--reason", "for the test")
    command = [sys.executable, "-m", "notifier", "rewind", *which, "--wait", "--json"]
    environment = os.environ | {"NOTIFIER_DATABASE_URL": database_url}
    waits = partial(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=90)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(waits)
        wait_until(lambda: unrouted.all("SELECT * FROM rewinds"), seconds=60)
        assert notifier("rewind", *which, "--cancel").returncode == 0
    ended = waiting.result()
    assert (ended.returncode, ended.stderr) == (1, "")
    assert [row["state"] for row in json.loads(ended.stdout)["rewinds"]] == ["cancelled"]


def test_a_stream_that_waits_for_an_old_one_is_shown_until_that_is_let_go(rows: Rows, notifier: Notifier) -> None:
    newer = ARN.replace("2026", "2027")
    rows.run("INSERT INTO streams (arn, table_name) VALUES (:arn, 'activity')", arn=newer)
    rows.run(
        "INSERT INTO shards (stream_id, shard_id) SELECT id, 'shardId-2' FROM streams WHERE arn = :arn", arn=newer
    )
    (waiting,) = answer(notifier("shards", "--json"))["waiting"]
    assert (waiting["table"], waiting["stream"], waiting["waits_for"]) == ("activity", newer, ARN)
    assert "notifier let-go --stream ARN" in notifier("shards").stdout

    assert "1 shards were not read" in notifier("let-go", "--stream", ARN, "--reason", "it never ends").stdout

    found = answer(notifier("shards", "--json"))
    assert (found["waiting"], len(found["gaps"])) == ([], 1)


def test_rewind_with_wait_ends_with_what_is_wrong(unrouted: Rows, notifier: Notifier, database_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "notifier",
        "rewind",
        "--shard",
        "shardId-1",
        "--reason",
        "for the test",
        "--wait",
    ]
    environment = os.environ | {"NOTIFIER_DATABASE_URL": database_url}
    waits = partial(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=90)
    fails = "UPDATE rewinds SET again_at = now() + interval '10 min', error = :error"
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(waits)
        (row,) = wait_until(lambda: unrouted.all("SELECT id FROM rewinds"), seconds=60)
        unrouted.run(fails, error=f"{WAITS_FOR_ROOM} email")
        assert RewindRequests(unrouted.engine, actor="eva").paused([row["id"]]) == 0
        unrouted.run(fails, error="its records cannot be recorded: QueryCanceled 57014")
    ended = waiting.result()
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "shardId-1: its records cannot be recorded: QueryCanceled 57014" in ended.stdout
    assert "1 rewinds pause after an error" in ended.stdout
