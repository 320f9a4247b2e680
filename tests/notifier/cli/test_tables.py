"""Tables in a terminal of 80 and of 120 columns: an id is never broken, columns are left out instead."""

import uuid
from collections.abc import Callable

import pytest

from notifier.cli.inspect.shards import as_tree
from notifier.cli.terminal.table import fitting, print_table
from notifier.notifications import Status
from notifier.outbox import ChannelStates, Quarantined
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "notifier", "rows"]

SHARD = "shardId-00000001575893480427-67a1f5ea"
MESSAGE = "010201890b6b2f60-4a1d3a4e-0c2b-4b4e-8e8e-0c1d2e3f4a5b-000000"
Wide = Callable[..., str]


@pytest.fixture
def wide(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> Wide:
    def run(width: int | None, *words: str) -> str:
        monkeypatch.setenv("COLUMNS", str(width)) if width else monkeypatch.delenv("COLUMNS", raising=False)
        done = notifier(*words)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    return run


@pytest.fixture
def ids(engine) -> list[str]:
    """Ids that must not be broken, with long values in all other columns."""
    rows = Rows(engine, SHARD)
    long = "the provider said at some length that it cannot deliver to this mailbox for the time being"
    found = [rows.in_status(Status.FAILED, reason=long, recipient=f"{'a' * 40}@example.com") for _ in range(3)]
    rows.run("UPDATE deliveries SET provider_message_id = :id", id=MESSAGE)
    rows.run("UPDATE notifications SET route = 'a_route_with_quite_a_long_name'")
    rows.record(rows.page([100], [Quarantined("49678901234567890123456789", b"{}", long)]))
    rows.run(
        "UPDATE shards SET owner = 'bridge-7d9f8b6c5-x2x4z:17:a1b2c3', checkpoint = '49678901234567890123456789'"
    )
    rows.run(
        "INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at) "
        "SELECT id, :why, '49678901234567890123456789', now() FROM shards",
        why=long,
    )
    rows.run(
        "INSERT INTO duplicates (notification_id, message_id) VALUES (:id, :message)", id=found[0], message=MESSAGE
    )
    rows.run("DELETE FROM publications")
    ChannelStates(rows.engine, actor="somebody@a-host-with-a-long-name").pause("email", long)
    return [str(each) for each in found]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_ids_are_never_broken(wide: Wide, ids: list[str], width: int) -> None:
    listed = wide(width, "list")
    assert all(each in listed for each in ids)
    shown = wide(width, "show", ids[0])
    assert ids[0] in shown
    assert MESSAGE in shown
    assert SHARD in shown
    assert SHARD in wide(width, "shards")
    audited = wide(width, "audit")
    assert SHARD in audited
    assert ids[0] in audited
    for words in (("list",), ("shards",), ("audit",), ("status",), ("operations",)):
        assert max(map(len, wide(width, *words).splitlines())) <= width, words


def test_at_80_columns_the_shards_have_state_and_lag(wide: Wide, ids: list[str]) -> None:
    (line,) = [line for line in wide(80, "shards").splitlines() if SHARD in line][:1]
    assert "open" in line
    assert " s" in line
    assert "not shown: " in wide(80, "shards")


@pytest.mark.parametrize("width", [80, 120])
def test_no_id_in_a_scope_is_broken(wide: Wide, ids: list[str], width: int) -> None:
    wide(width, "redrive", *ids, "--reason", "the mailboxes are back")
    printed = wide(width, "operations")
    assert all(each in printed for each in ids)
    assert max(map(len, printed.splitlines())) <= width


def test_at_80_columns_an_audit_has_all_terms_of_its_equation(wide: Wide, ids: list[str]) -> None:
    heading = next(line for line in wide(80, "audit").splitlines() if "read" in line and "=" not in line)
    assert heading.split()[-4:] == ["read", "notified", "unrouted", "quarantined"]
    assert SHARD in wide(80, "audit")


def test_piped_output_has_all_columns_on_one_line(wide: Wide, ids: list[str]) -> None:
    lines = [line for line in wide(None, "list").splitlines() if ids[0] in line]
    assert len(lines) == 1
    assert "for the time being" in lines[0]
    assert "a_route_with_quite_a_long_name" in lines[0]


def test_a_long_reason_does_not_widen_the_other_lines_of_piped_output(
    monkeypatch: pytest.MonkeyPatch,
    capsys,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    reason = "the provider refused it: " + "x" * 300
    rows = [{"id": "one", "reason": reason, "at": "now"}, {"id": "two", "reason": "", "at": None}]
    print_table("Notifications", rows, ("id", "at", "reason"), "None.")
    title, heading, line, first, second = capsys.readouterr().out.splitlines()
    assert (title, heading, second.split()) == ("Notifications", "id   at   reason", ["two", "-"])
    assert line == "─" * 120
    assert first == f"one  now  {reason}"


def test_columns_are_left_out_in_the_given_order() -> None:
    widths = {"id": 36, "status": 10, "actor": 20, "reason": 90}
    assert fitting(widths, 200, ("actor",)) == ["id", "status", "actor", "reason"]
    assert fitting(widths, 80, ("actor",)) == ["id", "status", "reason"]
    assert fitting(widths, 50, ("actor",)) == ["id", "status"]
    assert fitting(widths, 20, ("actor",)) == ["id"]
    assert fitting(widths, None, ("actor",)) == list(widths)


def test_an_id_is_whole_in_a_terminal_that_is_narrower(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    id_ = str(uuid.uuid4())
    print_table("T", [{"id": id_, "status": "failed"}], ("id", "status"), "")
    assert id_ in capsys.readouterr().out


def test_the_tree_of_a_stream_that_has_run_for_months_stays_narrow() -> None:
    names = [f"shardId-{number:020}-abcdef12" for number in range(300)]
    made = [{"table_name": "t", "shard_id": each, "parent_shard_id": names[n - 1] if n else None}
            for n, each in enumerate(names)]  # fmt: skip
    lines = [line["shard"] for line in as_tree(made)]
    assert [line[-37:] for line in lines] == names
    assert max(map(len, lines)) <= 37 + 12


@pytest.mark.parametrize("width", range(60, 120))
def test_nothing_is_lost_where_two_columns_of_prose_are_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = {"at": "2026-11-28 22:01:16 UTC", "reason": "x" * 25 + "y" * 25, "scope": "v" * 25 + "w" * 25}
    print_table("Operations", [row], tuple(row), "None.")
    printed = capsys.readouterr().out
    body = printed[printed.index("─") :].partition("not shown")[0]
    for name in ("reason", "scope"):
        if name in printed.partition("─")[0]:
            assert {letter: body.count(letter) for letter in set(row[name])} == dict.fromkeys(row[name], 25)


@pytest.mark.parametrize("width", [72, 80, 100, 120, 150])
def test_ids_in_prose_are_not_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    found = [str(uuid.uuid4()) for _ in range(3)]
    row = {"action": "redrive", "reason": "some words " * 12, "scope": f"ids={', '.join(found)} → pending"}
    print_table("Operations", [row, row], tuple(row), "None.")
    printed = capsys.readouterr().out
    assert all(printed.count(each) == 2 for each in found)
    assert printed.count("words") == 24
    assert max(map(len, printed.splitlines())) <= width
