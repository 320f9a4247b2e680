"""Whatever is typed: an answer, or one line and exit code 2; never a traceback."""

import os
import sys
from collections.abc import Iterator
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier import cli
from notifier.settings import load_database_settings, load_settings

COMMANDS = [["status"], ["list"], ["show"], ["shards"], ["audit"], ["resolve"], ["pause"], ["resume"], ["health"],
            ["operations"], ["cancel", "--reason", "x"], ["redrive", "--reason", "x", "--all"],
            ["suppress"]]  # fmt: skip
FLAGS = ["--json", "--reveal", "--all", "--dry-run", "--", "-", "--no-such"]
OPTIONS = ["--status", "--channel", "--route", "--limit", "--reason", "--since", "--until", "--to", "--per-second",
           "--topic", "--note", "--because", "--actor", "--action", "--about", "--kind"]  # fmt: skip
VALUES = ["add", "remove", "list", "email", "sent", "0", "-1", "1e999", "nan", "9" * 30, "2026-01-31", "2026-13-01",
          "0001-01-01", "9999-12-31T23:59:59", "a@b.example", "\udcff", "", " ", "[red]", "%s", f"{UUID(int=0)}",
          f"{UUID(int=2**128 - 1)}"]  # fmt: skip
words = st.lists(
    st.tuples(st.sampled_from(FLAGS))
    | st.tuples(st.sampled_from(VALUES))
    | st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)),
    max_size=3,
).map(lambda given_: [word for some in given_ for word in some])


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("NOTIFIER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    for each in (load_settings, load_database_settings):
        each.cache_clear()
    yield
    for each in (load_settings, load_database_settings):
        each.cache_clear()


@pytest.mark.usefixtures("environment")
@settings(max_examples=15)
@given(st.sampled_from(COMMANDS), words)
@example(["redrive", "--all", "--reason", "x"], ["--per-second", "1e999"])
@example(["cancel", "--all", "--reason", "x"], ["--since", "0001-01-01", "--until", "9999-12-31T23:59:59"])
@example(["suppress", "add"], ["email", "\udcff"])
def test_any_words_are_answered(capsys: pytest.CaptureFixture[str], command: list[str], more: list[str]) -> None:
    with patch.object(sys, "argv", ["notifier", *command, *more]), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err
