from uuid import uuid4

import pytest
from sqlalchemy import exc
from structlog.testing import capture_logs

from notifier.notifications import Status
from notifier.outbox import Change
from workers.process.database_retry import DatabaseRetry, written


def test_a_database_that_is_waited_for_is_logged_once() -> None:
    away = [exc.OperationalError("", {}, Exception("no route to host"))] * 3

    def step() -> str:
        if away:
            raise away.pop()
        return "done"

    with capture_logs() as logs:
        assert DatabaseRetry(30.0).run(step) == "done"
    assert [(each["log_level"], each["reason"]) for each in logs] == [("warning", "no route to host")]


@pytest.mark.parametrize(
    ("to", "logged"),
    [
        (Status.SENT, ("info", "the provider's events came before the answer was written")),
        (Status.FAILED, ("warning", "deliveries were settled by another process")),
        (Status.UNKNOWN, ("warning", "deliveries were settled by another process")),
    ],
)
def test_an_event_that_comes_before_the_answer_is_no_warning(to: Status, logged: tuple[str, str]) -> None:
    changes = [Change(uuid4(), to), Change(uuid4(), Status.SENT)]
    with capture_logs() as logs:
        assert written(changes, {changes[1].id}, DatabaseRetry(1.0)) == changes[1:]
    assert [(each["log_level"], each["event"], each["count"]) for each in logs] == [(*logged, 1)]
