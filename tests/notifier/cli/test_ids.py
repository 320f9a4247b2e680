"""Ids as people type them: whole or their first characters, in every command that takes one."""

import time
import uuid
from uuid import UUID

import pytest

from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.ids import bounds
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

UNKNOWN = "0198ab12-0000-8000-8000-000000000000"


def apart(rows: Rows, status: Status = Status.FAILED) -> UUID:
    """Return a delivery of an hour ago, whose id differs from all others in its first characters."""
    now = int(time.time() * 1000) - 3_600_000
    rows.record(rows.page([500], at=now))
    (row,) = rows.all("SELECT notification_id FROM notifications WHERE sequence_number = '500'")
    changes = f"status = '{status}', attempt = 1, token = gen_random_uuid()"
    rows.run(f"UPDATE deliveries SET {changes} WHERE notification_id = :id", id=row["notification_id"])
    return row["notification_id"]


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ("0198AB", "0198ab00-0000-0000-0000-000000000000", "0198abff-ffff-ffff-ffff-ffffffffffff"),
        ("0198ab12-3", "0198ab12-3000-0000-0000-000000000000", "0198ab12-3fff-ffff-ffff-ffffffffffff"),
        (" 0198ab120000800080", "0198ab12-0000-8000-8000-000000000000", "0198ab12-0000-8000-80ff-ffffffffffff"),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (f"{{{UNKNOWN}}}", UNKNOWN, UNKNOWN),
    ],
)
def test_the_bounds_of_ids_with_the_same_first_characters(given: str, first: str, last: str) -> None:
    assert tuple(map(str, bounds(given))) == (first, last)


@pytest.mark.parametrize(
    "given", ["", " ", "-", "xyz", "0198ab12…", "not-an-id", UNKNOWN + "0", "0x0198", "%", "\uff411"]
)
def test_text_that_no_id_begins_with_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="nor the beginning of one"):
        bounds(given)


def test_every_command_takes_the_first_characters_of_an_id(rows: Rows, notifier: Notifier) -> None:
    id_ = apart(rows)
    other = rows.in_status(Status.SENT)
    part = str(id_)[:11]
    assert answer(notifier("show", part, "--json"))["notification_id"] == str(id_)
    assert answer(notifier("show", str(id_).upper().replace("-", "")[:14], "--json"))["notification_id"] == str(id_)
    assert [each["notification_id"] for each in answer(notifier("list", part, "--json"))["notifications"]] == [
        str(id_)
    ]
    assert answer(notifier("redrive", part, "--reason", "why", "--json")) == {"redriven": 1, "left_out": 0}
    assert rows.status(id_) is Status.PENDING
    assert answer(notifier("cancel", part, "--reason", "why", "--json")) == {"cancelled": 1}
    assert rows.status(id_) is Status.CANCELLED
    rows.run("UPDATE deliveries SET status = 'unknown' WHERE notification_id = :id", id=id_)
    assert answer(notifier("resolve", part, "--sent", "--reason", "why", "--json"))["resolved"]
    assert (rows.status(id_), rows.status(other)) == (Status.SENT, Status.SENT)


def test_characters_of_several_ids_are_refused_with_those_ids(rows: Rows, notifier: Notifier) -> None:
    ids = sorted(map(str, rows.pending(9)))
    part = ids[0][:5]
    for words in (("show", part), ("cancel", part, "--reason", "why"), ("redrive", part, "--reason", "why"),
                  ("resolve", part, "--sent", "--reason", "why")):  # fmt: skip
        done = notifier(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{part} is the beginning of more than one id: {ids[0]}" in done.stderr
        assert "give more of it" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert {row["status"] for row in rows.all("SELECT status FROM deliveries")} == {"pending"}
    listed = answer(notifier("list", part, "--json"))["notifications"]
    assert sorted(each["notification_id"] for each in listed) == ids
    assert len(answer(notifier("list", ids[0], ids[1], ids[0], "--json"))["notifications"]) == 2


WHY = ("--reason", "why")


@pytest.mark.parametrize("given", [UNKNOWN, "0198ab", str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1)), "f"])
@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("list",),
        ("cancel", *WHY),
        ("cancel", *WHY, "--dry-run"),
        ("redrive", *WHY),
        ("redrive", *WHY, "--dry-run"),
        ("resolve", "--sent", *WHY),
    ],
    ids=" ".join,
)
def test_an_unknown_id_is_an_error(rows: Rows, notifier: Notifier, command: tuple[str, ...], given: str) -> None:
    (known,) = rows.pending()
    more = (str(known),) if command[0] in ("cancel", "redrive", "list") else ()
    done = notifier(*command, *more, given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"notifier: there is no notification {given}")
    assert rows.status(known) is Status.PENDING
    assert rows.all("SELECT * FROM operations") == []


FITTING = {
    "cancel": {Status.PENDING},
    "redrive": {Status.FAILED},
    "resolve": {Status.UNKNOWN},
}


@pytest.mark.parametrize("status", Status)
def test_a_delivery_of_another_status_is_left_and_the_right_command_named(
    rows: Rows, notifier: Notifier, status: Status
) -> None:
    id_ = rows.in_status(status)
    if status is Status.UNKNOWN:
        rows.run("INSERT INTO due VALUES (:id, 'unknown', 'email', now())", id=id_)
    for command, wanted in FITTING.items():
        if status in wanted:
            continue
        done = notifier(command, str(id_), "--reason", "why", *(("--sent",) if command == "resolve" else ()))
        assert done.returncode == 1
        assert f"{id_} is {status}: " in done.stderr
        for other, others in FITTING.items():
            assert (f"`notifier {other}`" in done.stderr) == (status in others)
    assert rows.status(id_) is status


def test_of_several_ids_those_of_the_right_status_are_changed(rows: Rows, notifier: Notifier) -> None:
    pending, sent = rows.pending()[0], rows.in_status(Status.SENT)
    done = notifier("cancel", str(pending), str(sent), "--reason", "why")
    assert done.returncode == 1
    assert f"{sent} is sent" in done.stderr
    assert (rows.status(pending), rows.status(sent)) == (Status.CANCELLED, Status.SENT)
