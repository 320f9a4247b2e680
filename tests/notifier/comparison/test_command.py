"""`notifier compare` on real rows, against files of another system."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from notifier.outbox import Recipient, ShadowMessage
from tests.bridge.stream.records import record
from tests.notifier.cli.test_cli import Notifier, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]


@pytest.fixture
def shadowed(rows: Rows) -> list[UUID]:
    """Three messages in shadow, of the items k0, k1, k2; a fourth event was skipped."""
    ids = rows.pending(4)
    for number, id_ in enumerate(ids):
        stored = json.dumps(record(number, pk={"S": f"k{number}"}, order={"N": f"{number}"})).encode()
        rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)
    rows.attempts().shadow(
        [ShadowMessage(Recipient(ids[n], f"ana{n}@example.com"), f"Hello {n}", "in shadow") for n in range(3)]
    )  # fmt: skip
    rows.run("UPDATE deliveries SET status = 'skipped' WHERE notification_id = :id", id=ids[3])
    return ids


def recently() -> tuple[str, str]:
    """The events were written before the lines of the file, which are of now."""
    return "--since", (datetime.now(UTC) - timedelta(minutes=5)).isoformat()


def line(number: int, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "key": str(number), "recipient": f"Ana <ANA{number}@example.com>", "subject": f"Hello {number}", "time": now,
        **changes,
    }  # fmt: skip


def written(folder: Path, *lines: dict[str, Any], more: str = "") -> str:
    file = folder / "sent.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines) + more)
    return str(file)


def test_both_sides_are_the_same(shadowed: list[UUID], notifier: Notifier, tmp_path: Path) -> None:
    file = written(tmp_path, *(line(n) for n in range(3)))
    done = notifier("compare", file, "--by", "order", "--json", *recently())
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert (found["same"], found["shadowed"], found["lines"], found["differences"]) == (3, 3, 3, [])
    assert found["others"] == {"skipped": 1}
    assert "Both sides have the same messages." in notifier("compare", file, "--by", "order").stdout


@pytest.mark.parametrize("one_line", [True, False])
def test_a_mail_to_several_is_compared_for_each_of_them(
    rows: Rows, notifier: Notifier, tmp_path: Path, one_line: bool
) -> None:
    (id_,) = rows.pending()
    rows.run("UPDATE notifications SET record = :r", r=json.dumps(record(0, order={"N": "0"})).encode())
    to = Recipient(id_, "ana0@example.com", further=("bo@example.com", "cy@example.com"))
    rows.attempts().shadow([ShadowMessage(to, "Hello 0", "in shadow")])
    people = ["Bo <BO@example.com>", "ana0@example.com", "di@example.com"]
    lines = [line(0, recipient=people)] if one_line else [line(0, recipient=each) for each in people]

    done = notifier("compare", written(tmp_path, *lines), "--by", "order", "--json", "--reveal", *recently())
    found = json.loads(done.stdout)
    assert (found["same"], found["different"], found["shadowed"], found["lines"]) == (2, 1, 3, 3)
    (other,) = found["differences"]
    assert (other["shadowed_to"], other["sent_to"]) == ("cy@example.com", "di@example.com")
    assert other["notification_id"] == str(id_)


def test_what_differs_and_what_one_side_lacks(
    shadowed: list[UUID], rows: Rows, notifier: Notifier, tmp_path: Path
) -> None:
    file = written(tmp_path, line(0, subject="Hullo"), line(1, recipient="bo@example.com"), line(7), more="garbage\n")
    everything = tmp_path / "all.jsonl"
    done = notifier("compare", file, "--by", "order", "--json", "--output", str(everything), "--reveal", *recently())
    found = json.loads(done.stdout)
    assert done.returncode == 1
    counts = ("same", "different", "only_shadowed", "only_sent", "lines", "wrong_lines")
    assert [found[each] for each in counts] == [0, 2, 1, 1, 3, 1]
    assert found["wrong"] == [{"number": 4, "error": "it is not JSON"}]
    told = {each["key"]: (each["difference"], each["shadowed_to"], each["sent_to"]) for each in found["differences"]}
    assert told == {
        "0": ("subject", "ana0@example.com", "ana0@example.com"),
        "1": ("recipient", "ana1@example.com", "bo@example.com"),
        "2": ("only shadowed", "ana2@example.com", None),
        "7": ("only in the file", None, "ana7@example.com"),
    }
    assert len(everything.read_text().splitlines()) == 4
    table = notifier("compare", file, "--by", "order", "--limit", "1", *recently())
    assert "line 4: it is not JSON" in table.stderr
    assert "3 more differences" in table.stderr
    assert "ana0@example.com" not in table.stdout
    assert "Hullo" not in table.stdout
    assert [each["scope"] for each in rows.all("SELECT scope FROM operations")] == [
        "3 recipients of notifier compare"
    ]


def test_only_the_time_that_is_asked_for_counts(shadowed: list[UUID], notifier: Notifier, tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    file = written(tmp_path, line(8, time=later.isoformat()), *(line(n) for n in range(3)))
    until = (later - timedelta(hours=1)).isoformat()
    since = (later - timedelta(hours=3)).isoformat()
    done = notifier("compare", file, "--by", "order", "--since", since, "--until", until, "--json")
    assert (json.loads(done.stdout)["same"], done.returncode) == (3, 0)


def test_a_message_just_outside_of_the_time_may_be_the_other_half(
    shadowed: list[UUID], notifier: Notifier, tmp_path: Path
) -> None:
    """The old system sent 5 minutes later, after --until."""
    now = datetime.now(UTC)
    file = written(tmp_path, *(line(n, time=(now + timedelta(minutes=5)).isoformat()) for n in range(3)))
    options = (
        "--since",
        (now - timedelta(minutes=5)).isoformat(),
        "--until",
        (now + timedelta(minutes=1)).isoformat(),
    )
    assert notifier("compare", file, "--by", "order", *options).returncode == 0
    assert notifier("compare", file, "--by", "order", *options, "--margin", "60").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jsonl"], "cannot be read"),
        (["{empty}"], "no message that can be read"),
        (["{empty}", "--channel", "fax"], "no channel is called 'fax'"),
        (["{empty}", "--output", "/no/such/folder/all.jsonl"], "cannot be written"),
        (["{empty}", "--output", "{empty}"], "is the file that is compared"),
    ],
)
def test_what_is_used_wrong_ends_with_2(
    rows: Rows, notifier: Notifier, tmp_path: Path, arguments: list[str], words: str
) -> None:
    empty = written(tmp_path)
    done = notifier("compare", *(each.replace("{empty}", empty) for each in arguments))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert words in " ".join(done.stderr.split())


def test_messages_without_the_key_are_counted(shadowed: list[UUID], notifier: Notifier, tmp_path: Path) -> None:
    done = notifier("compare", written(tmp_path, line(0)), "--by", "nothing", "--json", *recently())
    assert (json.loads(done.stdout)["without_key"], done.returncode) == (3, 1)


def test_redrive_of_a_shadowed_one_says_what_it_is(shadowed: list[UUID], notifier: Notifier) -> None:
    done = notifier("redrive", str(shadowed[0]), "--reason", "a test")
    assert done.returncode == 1
    assert "built and not sent" in done.stderr
    done = notifier("redrive", str(shadowed[0]), "--shadowed", "--reason", "a test", "--json")
    assert json.loads(done.stdout)["redriven"] == 1
    shown = notifier("show", str(shadowed[1]), "--reveal").stdout
    assert "subject: Hello 1" in shown
    assert "traceback" not in shown
    assert notifier("list", "--status", "shadowed", "--count").stdout.strip() == "2"
