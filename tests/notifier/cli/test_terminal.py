"""Text of an item, a provider or a setting is printed with its control characters escaped."""

import json
import re
import unicodedata
import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from notifier.cli.terminal.output import print_json
from notifier.cli.terminal.table import print_facts, print_table
from notifier.notifications import Status
from notifier.outbox import Change, Quarantined
from notifier.text import printable, printable_json
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

ROOT = Path(__file__).parents[3]

CONTROL = {
    "colour": "\x1b[31m",
    "title": "\x1b]0;owned\x07",
    "C1 sequence": "\x9b31m",
    "clear": "\x1bc",
    "backspace": "\x08\x08",
    "carriage return": "\r",
    "line": "\n",
    "form feed": "\x0c",
    "delete": "\x7f",
    "right to left": "\u202e",
    "isolate": "\u2066",
    "mark": "\u200f",
    "Arabic mark": "\u061c",
    "zero width": "\u200b",
    "byte order": "\ufeff",
    "line separator": "\u2028",
    "paragraph": "\u2029",
    "tag": "\U000e0041",
    "private": "\ue000",
    "unassigned": "\U000e0fff",
}


@pytest.mark.parametrize("character", CONTROL.values(), ids=CONTROL.keys())
def test_control_characters_are_escaped(character: str) -> None:
    told = printable(f"a{character}b")
    assert told.isprintable()
    assert told.startswith("a\\")
    assert json.loads(printable_json(json.dumps([f"a{character}b"], ensure_ascii=False))) == [f"a{character}b"]


@pytest.mark.parametrize(
    "plain", ["Zoë Ångström", "日本語\u3000テスト", "a\u00a0b", "Привет 👋", "e\u0301", "", "50 % \\ off"]
)
def test_ordinary_text_is_unchanged(plain: str) -> None:
    assert printable(plain) == plain
    assert printable_json(json.dumps(plain, ensure_ascii=False)) == json.dumps(plain, ensure_ascii=False)


def test_a_lone_surrogate_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("a\ud800b") == "a\\ud800b"
    print_json({"a": "\ud800", "b": 2**70})
    assert json.loads(capsys.readouterr().out) == {"a": "\ud800", "b": 2**70}


def test_line_breaks_are_kept_on_request() -> None:
    assert printable("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


def test_tables_and_facts_show_a_cell_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", [{"name": "a\nb\x1b[2J"}], ("name",), "")
    print_facts("F", {"name": "a\nb\x1b[2J"})
    assert capsys.readouterr().out.count(r"a\nb\x1b[2J") == 2


def test_commands_print_through_the_escaping_functions_only() -> None:
    """`typer.echo` and `print` escape nothing."""
    for file in (ROOT / "notifier/cli").rglob("*.py"):
        if file.name != "output.py":
            assert not re.search(r"typer\.s?echo|(?<!\.)\bprint\(", file.read_text()), file


NASTY = "x\x1b]0;owned\x07\u202e\x9b1m\rend"


def marked(rows: Rows) -> uuid.UUID:
    """Return a notification with control characters in each of its texts."""
    (id_,) = rows.pending()
    image = {"pk": {"S": NASTY}, NASTY: {"S": "1"}}
    record = json.dumps({"dynamodb": {"Keys": {"pk": {"S": NASTY}}, "NewImage": image}}, ensure_ascii=False).encode()
    change = Change(
        id_, Status.FAILED, failed=True, reason=f"Error: {NASTY}", detail=f"Traceback:\n  File\nE: {NASTY}"
    )
    rows.attempts().decide([change])
    with rows.engine.begin() as connection:
        connection.execute(text("UPDATE notifications SET record = :record, route = :route"), {"record": record,
                           "route": NASTY})  # fmt: skip
        connection.execute(text("UPDATE deliveries SET recipient = :to"), {"to": f"{NASTY}@example.com"})
    rows.record(rows.page([10], [Quarantined("11", b"{}", NASTY)]))
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, :reason FROM shards", reason=NASTY)
    rows.run("UPDATE shards SET owner = :owner", owner=NASTY)
    rows.run("INSERT INTO channels (channel, state, reason, actor) VALUES ('email', 'paused', :r, :r)", r=NASTY)
    rows.run("INSERT INTO operations (actor, action, reason, scope) VALUES (:r, 'pause', :r, :r)", r=NASTY)
    rows.run(
        "INSERT INTO suppressions (channel, address, reason, actor, note) VALUES ('email', :r, 'manual', :r, :r)",
        r=NASTY,
    )
    return id_


def test_no_command_prints_control_characters(rows: Rows, notifier: Notifier) -> None:
    id_ = str(marked(rows))
    for words in (
        ("list",), ("list", "--reveal"), ("show", id_), ("show", id_, "--reveal"), ("shards",), ("status",),
        ("audit",), ("operations",), ("suppress", "list", "--reveal"), ("retain", "--dry-run"),
        ("resolve", id_, "--sent", "--reason", "why"), ("cancel", id_, "--reason", "why"),
        ("rewind", "--list"), ("rewind", "--table", NASTY, "--reason", "why"),
        ("audit", "--acknowledge-gaps"), ("pause", NASTY, "--reason", "why"), ("show", NASTY),
    ):  # fmt: skip
        for more in ((), ("--json",)):
            done = notifier(*words, *more)
            said = done.stdout + done.stderr
            assert "Traceback (most recent" not in said, words
            bad = {
                each
                for each in said
                if not each.isprintable() and each != "\n" and unicodedata.category(each) != "Zs"
            }
            assert bad == set(), (words, more)


def test_show_prints_control_characters_escaped(rows: Rows, notifier: Notifier) -> None:
    id_ = str(marked(rows))
    revealed = notifier("show", id_, "--reveal").stdout
    assert r"E: x\x1b]0;owned\x07\u202e\x9b1m\rend" in revealed
    assert "Traceback:\n  File\n" in revealed
    assert answer(notifier("show", id_, "--json", "--reveal"))["traceback"].endswith(NASTY)
