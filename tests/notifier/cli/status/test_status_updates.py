"""`notifier status` shows what waits for each destination of status updates."""

from notifier.outbox import FailedUpdate, StatusUpdates
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows
from tests.outbox.test_status_updates import QUEUE, sent

__all__ = ["engine", "notifier", "rows"]


def test_status_shows_the_backlog_of_each_destination(rows: Rows, notifier: Notifier) -> None:
    assert answer(notifier("status", "--json"))["status_updates"] == []
    sent(rows, 2)
    assert "does notifier status-sender run?" in " ".join(notifier("status", COLUMNS="200").stdout.split())

    updates = StatusUpdates(rows.engine)
    updates.assign([QUEUE])
    first, second = updates.claim(QUEUE, 10, 60.0)
    updates.accepted(QUEUE, [first.update])
    updates.failed(QUEUE, [FailedUpdate(second.update, "no", 60.0)])
    updates.note_failure(QUEUE, "no such queue")

    (found,) = answer(notifier("status", "--json"))["status_updates"]
    shown = {name: found[name] for name in ("destination", "waiting", "failing", "accepted", "dropped", "error")}
    assert shown == {
        "destination": QUEUE, "waiting": 1, "failing": 1, "accepted": 1, "dropped": 0, "error": "no such queue",
    }  # fmt: skip
    text = notifier("status", COLUMNS="200").stdout
    assert QUEUE in text
    assert "no such queue" in text
