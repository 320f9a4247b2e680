"""The failures that `notifier up` prints: each once, with a command that shows more."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

from sqlalchemy import Engine

from notifier.cli.lazy import COMMANDS
from notifier.database.engine import connect
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import Change, ChannelStates, Quarantined, Recipient, Settlement, Suppressions
from sandbox.failures import _WORDS, Failures, failure_lines
from sandbox.up.loop import _reload_lines
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "rows"]

AT = datetime(2026, 1, 31, tzinfo=UTC)


def row(what: str, id_: str = "0198", **more: Any) -> dict[str, Any]:
    return {"at": AT, "what": what, "channel": "email", "route": "hello", "reason": "KeyError", "id": id_, **more}


def test_equal_failures_are_one_line_with_the_newest() -> None:
    assert list(failure_lines([row("tried again", "1"), row("tried again", "2"), row("failed", "1")])) == [
        "2 x email hello: will be tried again: KeyError\nsee: notifier show 2 --reveal",
        "email hello: failed: KeyError\nsee: notifier show 1 --reveal",
    ]


def test_an_error_of_the_users_code_has_its_text_and_its_place() -> None:
    traceback = """Traceback (most recent call last):
  File "/venv/notifier/routes/route.py", line 94, in request
    return self.build(given)
           ^^^^^^^^^^^^^^^^^
  File "/mine/notifications.py", line 11, in friend_request
    to=item["to"], context={"from_name": item["from_name"]}
                                         ~~~~^^^^^^^^^^^^^
KeyError: 'from_name'
"""
    (line,) = failure_lines([row("tried again", traceback=traceback)])
    assert line.startswith("email hello: will be tried again: KeyError: 'from_name' (notifications.py, line 11)\n")
    broken = traceback.replace("KeyError: ", "notifier.errors.TemplateError: subject.txt, line 1: ")
    (line,) = failure_lines([row("tried again", traceback=broken)])
    assert line.startswith("email hello: will be tried again: subject.txt, line 1: 'from_name'\n")
    (line,) = failure_lines([row("failed", traceback="550 no such user")])
    assert line.startswith("email hello: failed: KeyError\n")


def test_failures_of_a_longer_time_say_since_when() -> None:
    later = {"at": AT + timedelta(seconds=40)}
    (line,) = failure_lines([row("tried again", "1"), row("tried again", "1", **later)])
    assert line.startswith(f"2 x email hello since {AT.astimezone():%H:%M:%S}: will be tried again: KeyError\n")
    (line,) = failure_lines([row("tried again", **later)])
    assert line.startswith("email hello: will be tried again")


def test_each_names_an_existing_command() -> None:
    for what in _WORDS:
        (line,) = failure_lines([row(what)])
        assert line.partition("see: notifier ")[2].split()[0] in COMMANDS


def failing(engine: Engine, rows: Rows) -> None:
    """One failure of each kind."""
    attempts = rows.attempts()
    raising, gone, stale, refused, slow, barred, lost = rows.pending(7)
    error = {"reason": "KeyError", "detail": "Traceback"}
    attempts.decide([Change(raising, Status.PENDING, failed=True, delay=9.0, **error),
                     Change(gone, Status.FAILED, failed=True, **error),
                     Change(stale, Status.EXPIRED, reason="its event is 9 s old")])  # fmt: skip
    Suppressions(engine, actor="eva").add("email", "barred@example.com", reason="manual")
    token = uuid4()
    assert attempts.begin(token, [Recipient(barred, "barred@example.com")], 60).suppressed
    attempts.begin(token, [Recipient(id_, "ana@example.com") for id_ in (refused, slow, lost)], 60)
    attempts.finish(token, [Change(refused, Status.FAILED, failed=True, reason="no such mailbox"),
                            Change(slow, Status.PENDING, delay=9.0, reason="the account is throttled"),
                            Change(lost, Status.UNKNOWN, reason="its answer was lost")])  # fmt: skip
    now = datetime.now(UTC)
    settlement = Settlement(engine, channel="email")
    for kind in (FeedbackKind.BOUNCE, FeedbackKind.COMPLAINT, FeedbackKind.REJECT):
        (id_,) = rows.pending()
        token = uuid4()
        attempts.begin(token, [Recipient(id_, f"{kind}@example.com")], 60)
        attempts.finish(token, [Change(id_, Status.SENT, message_id=f"m-{kind}")])
        settlement.settle([Feedback(kind, f"m-{kind}", now, now, id_, 1)], [DeadLetter(kind.encode(), "not JSON")])
    rows.record(rows.page([900], [Quarantined("901", b"{}", "not a record")]))
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, 'records were trimmed' FROM shards")
    rows.run("INSERT INTO duplicates (notification_id, message_id) VALUES (:id, 'm-2')", id=gone)
    ChannelStates(engine, actor="eva").pause("email", "a wrong template")
    ChannelStates(engine, actor="worker").park("sms", "the account is blocked")


def test_failures_of_any_kind_are_printed_once(engine: Engine, rows: Rows) -> None:
    failures = Failures(engine)
    assert list(failures.lines()) == []
    failing(engine, rows)
    lines = list(failures.lines())
    for words, _ in _WORDS.values():
        if "rendered" not in words:
            assert any(words in line for line in lines), (words, lines)
    assert all("\nsee: notifier " in line for line in lines)
    assert list(failures.lines()) == []
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.FAILED, failed=True, reason="ValueError")])
    assert list(failures.lines()) == [f"email a_route: failed: ValueError\nsee: notifier show {id_} --reveal"]


def test_a_notification_that_is_tried_again_and_again_has_a_line_a_minute(engine: Engine, rows: Rows) -> None:
    now = 0.0
    failures = Failures(engine, clock=lambda: now)
    list(failures.lines())
    (id_,) = rows.pending()

    def tried() -> list[str]:
        rows.run("UPDATE deliveries SET next_attempt_at = NULL WHERE notification_id = :id", id=id_)
        rows.attempts().decide([Change(id_, Status.PENDING, failed=True, delay=0.0, reason="KeyError")])
        return [line.splitlines()[0] for line in failures.lines()]

    assert tried() == ["email a_route: will be tried again: KeyError"]
    assert [tried(), tried()] == [[], []]
    (other,) = rows.pending()
    rows.attempts().decide([Change(other, Status.FAILED, failed=True, reason="ValueError")])
    assert len(list(failures.lines())) == 1, "others are not held back"
    now = 61.0
    assert tried() == ["3 x email a_route: will be tried again: KeyError"]
    now = 70.0
    assert list(failures.lines()) == []
    assert tried() == []
    assert [line.splitlines()[0] for line in failures.lines(held=True)] == [
        "email a_route: will be tried again: KeyError"
    ]
    assert tried() == ["email a_route: will be tried again: KeyError"], "the first of the new code"


def test_what_failed_before_a_save_is_printed_before_the_new_code_runs(engine: Engine, rows: Rows) -> None:
    failures = Failures(engine)
    list(failures.lines())
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.FAILED, failed=True, reason="ValueError")])
    quiet, told = Mock(), Mock()
    quiet.step.return_value, told.step.return_value = iter(()), iter(["a.py: taken over in 2.1 s"])
    assert list(_reload_lines(quiet, failures)) == []
    assert [line.splitlines()[0] for line in _reload_lines(told, failures)] == [
        "email a_route: failed: ValueError",
        "a.py: taken over in 2.1 s",
    ]


def test_more_failures_than_one_query_reads_are_all_printed(engine: Engine, rows: Rows) -> None:
    failures = Failures(engine)
    list(failures.lines())
    ids = rows.pending(2_500)
    rows.attempts().decide([Change(id_, Status.FAILED, failed=True, reason="ValueError") for id_ in ids])
    counts = [int(line.split()[0].replace(",", "")) for _ in range(4) for line in failures.lines()]
    assert sum(counts) == 2_500


def test_earlier_failures_are_not_printed(engine: Engine, rows: Rows) -> None:
    failing(engine, rows)
    rows.run("UPDATE delivery_events SET at = at - interval '1 min'")
    times = {
        "feedback": "received_at",
        "quarantine": "quarantined_at",
        "gaps": "detected_at",
        "dead_letters": "received_at",
        "duplicates": "detected_at",
        "channels": "changed_at",
    }
    for table, column in times.items():
        rows.run(f"UPDATE {table} SET {column} = {column} - interval '1 min'")
    assert list(Failures(engine).lines()) == []


def test_a_database_that_does_not_answer_raises_no_error() -> None:
    assert list(Failures(connect("postgresql://nobody@127.0.0.1:1/nothing")).lines()) == []
