from sqlalchemy import exc
from structlog.testing import capture_logs

from workers.process.database_retry import DatabaseRetry


def test_a_database_that_is_waited_for_is_logged_once() -> None:
    away = [exc.OperationalError("", {}, Exception("no route to host"))] * 3

    def step() -> str:
        if away:
            raise away.pop()
        return "done"

    with capture_logs() as logs:
        assert DatabaseRetry(30.0).run(step) == "done"
    assert [(each["log_level"], each["reason"]) for each in logs] == [("warning", "no route to host")]
