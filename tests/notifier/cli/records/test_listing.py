"""`notifier list` and the options that select."""

import json
from typing import Any

import pytest

from notifier.notifications import Status
from tests.notifier.cli.in_process import Notifier, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.history.history import at
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded, sent

__all__ = ["engine", "notifier", "rows"]


def found(notifier: Notifier, *words: str) -> Any:
    done = notifier("list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(notifier: Notifier, *words: str) -> list[str]:
    return [row["notification_id"] for row in found(notifier, *words)["notifications"]]


def test_a_person_is_found_on_all_days_in_any_spelling(rows: Rows, notifier: Notifier) -> None:
    (old,) = sent(rows, recorded(rows, [record_of("user#7")], at=at(20)), "ana@example.com")
    sent(rows, recorded(rows, [record_of("user#8")]), "bo@example.com")

    assert ids(notifier, "--recipient", "Ana@EXAMPLE.com") == [str(old)]
    assert ids(notifier, "--recipient", "ana@example.com", "--channel", "email") == [str(old)]
    assert ids(notifier, "--key", "user#7") == [str(old)]
    assert ids(notifier, "--recipient", "ana@example.com", "--key", "user#8") == []
    assert ids(notifier, "--table", "other") == []
    counted = notifier("cancel", "--key", "user#7", "--reason", "why", "--dry-run")
    assert counted.stdout == "would cancel 0\n"


def test_pages_are_named_by_ids(rows: Rows, notifier: Notifier) -> None:
    made = [str(each) for each in recorded(rows, [b"{}"] * 5)][::-1]

    first = found(notifier, "--limit", "2")
    assert ids(notifier, "--limit", "2", "--older-than", first["older_than"]) == made[2:4]
    assert ids(notifier, "--limit", "2", "--newer-than", made[4]) == made[2:4]
    assert f"--older-than {made[1]}" in notifier("list", "--limit", "2").stderr
    both = notifier("list", "--older-than", made[1], "--newer-than", made[3])
    assert (both.returncode, "give one of them" in both.stderr) == (2, True)


def test_counts_and_groups(rows: Rows, notifier: Notifier) -> None:
    sent(rows, recorded(rows, [b"{}"] * 3), "ana@example.com", Status.FAILED, "no such mailbox")
    sent(rows, recorded(rows, [b"{}"]), "bo@example.com")

    assert notifier("list", "--count").stdout == "4\n"
    assert found(notifier, "--count", "--status", "failed,bounced") == {"count": "3"}
    grouped = found(notifier, "--by-reason")
    assert (grouped["failures"][0]["failures"], grouped["complete"]) == (3, True)
    assert "no such mailbox" in notifier("list", "--by-reason").stdout
    assert len(ids(notifier, "--reason", "such")) == 3
    assert notifier("list", "--status", "failed,lost").returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        "--count --by-reason",
        "--count --limit 50",
        "--count --older-than ID",
        "--count --newer-than ID",
        "--count --reveal",
        "--by-reason --limit 50",
        "--by-reason --older-than ID",
        "--by-reason --newer-than ID",
        "--by-reason --reveal",
        "--by-reason --status sent",
        "--by-reason --status failed,bounced",
        "--by-reason --status scheduled",
    ],
)
def test_options_that_would_do_nothing_are_refused(rows: Rows, notifier: Notifier, words: str) -> None:
    (id_,) = recorded(rows, [b"{}"])
    done = notifier("list", *words.replace("ID", str(id_)).split())
    assert (done.returncode, done.stdout) == (2, "")
    assert words.split(maxsplit=1)[0] in done.stderr


@pytest.mark.parametrize("words", ["", "--count", "--by-reason", "--by-reason --status failed"])
def test_a_channel_that_does_not_exist_is_said_in_each_answer(rows: Rows, notifier: Notifier, words: str) -> None:
    sent(rows, recorded(rows, [b"{}"]), "ana@example.com", Status.FAILED, "no such mailbox")
    assert notifier("list", "--channel", "email", *words.split()).returncode == 0
    assert notifier("list", "--channel", "sms", *words.split()).returncode == 0
    done = notifier("list", "--channel", "emial", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert "no channel is called 'emial'" in done.stderr


def test_a_count_has_all_that_begin_with_the_characters(rows: Rows, notifier: Notifier) -> None:
    made = recorded(rows, [b"{}"] * 60)
    start = str(made[0])[:4]
    assert found(notifier, start, "--count") == {"count": "60"}
    assert len(ids(notifier, start)) == 50


def test_ids_stand_on_one_line_at_every_width(rows: Rows, notifier: Notifier) -> None:
    sent(
        rows, recorded(rows, [b"{}"] * 3, route="a_route_with_a_name"), "ana@example.com", Status.FAILED, "full " * 20
    )
    named = ids(notifier)

    for width in ("80", "120"):
        lines = notifier("list", COLUMNS=width).stdout.splitlines()
        assert max(map(len, lines)) <= int(width)
        assert all(any(each in line for line in lines) for each in named)
    assert "not shown: " in "\n".join(notifier("list", COLUMNS="80").stdout.splitlines())
