"""`notifier suppress import`: opt-outs of another system come from a CSV file."""

from pathlib import Path

import pytest

from notifier.outbox import Suppressions
from tests.notifier.cli.test_cli import Notifier, answer, notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

GOOD = """channel,address,topic,reason
email,Ana@Example.com,news,
email,bo@example.com,*,
email,cy@example.com,,manual
"""


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
        "removed": 1
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
