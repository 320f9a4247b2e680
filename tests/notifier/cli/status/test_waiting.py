"""`notifier status` shows what waits until somebody acts: routes that workers do not have, tenants that SES refuses;
and how many records no route claims.
"""

import re
import shlex
from uuid import UUID

from notifier.outbox import DueNotification
from notifier.outcomes import Blocked, Outcome
from notifier.retry import RetryPolicy
from tests.notifier.cli.in_process import notifier
from tests.notifier.cli.test_cli import Notifier, answer
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows
from workers.decide import after_send, route_missing

__all__ = ["engine", "notifier", "rows"]

REFUSED = "BadRequestException: Tenant not associated with resources."


def test_status_names_routes_that_no_worker_has(rows: Rows, notifier: Notifier) -> None:
    ids = rows.pending(3)
    gave_back(rows, ids[:2], "it's gone")

    (found,) = answer(notifier("status", "--json"))["missing_routes"]
    assert (found["route"], found["channel"], found["deliveries"]) == ("it's gone", "email", 2)
    text = notifier("status", COLUMNS="200").stdout
    assert "Waiting for a route that the workers do not have" in text
    assert cancelled(notifier, "s gone") == "2 cancelled"
    assert answer(notifier("status", "--json"))["missing_routes"] == []


def test_status_names_the_tenants_that_are_parked(rows: Rows, notifier: Notifier) -> None:
    ids = rows.pending(4)
    refuse(rows, ids[:2], Blocked(REFUSED, within="tenant blue"))
    refuse(rows, ids[2:3], Blocked("is paused", within="configuration set red"))
    refuse(rows, ids[3:], Blocked("the account is closed"))

    red, blue = answer(notifier("status", "--json"))["parked"]
    assert (blue["channel"], blue["part"], blue["deliveries"], blue["reason"]) == ("email", "tenant blue", 2, REFUSED)
    assert (red["part"], red["deliveries"]) == ("configuration set red", 1)
    text = " ".join(notifier("status", COLUMNS="200").stdout.split())
    assert "Parked within a channel: only these wait" in text
    assert re.search(rf"email tenant blue 2 [-\d]+ \S+ UTC {REFUSED}", text), text
    assert cancelled(notifier, "blue") == "2 cancelled"


def test_status_counts_the_records_that_no_route_claims(rows: Rows, notifier: Notifier) -> None:
    rows.record(rows.page([1, 2, 3], unrouted=1_200))
    (found,) = answer(notifier("status", "--json"))["records"]
    assert (found["read"], found["unrouted"]) == (1_203, 1_200)
    line = f"records that no route claims: {found['table']}: 1,200 of 1,203; why: notifier routes --event - < FILE"
    assert line in notifier("status").stdout


def cancelled(notifier: Notifier, name: str) -> str:
    """Run the command that `notifier status` gives for what has this name; return what it says."""
    lines = notifier("status").stdout.splitlines()
    (command,) = (line for line in lines if line.startswith("notifier cancel ") and name in line)
    return notifier(*shlex.split(command)[1:]).stderr.splitlines()[-1]


def gave_back(rows: Rows, ids: list[UUID], route: str) -> None:
    """Record that a worker did not have the route of these."""
    rows.run("UPDATE notifications SET route = :route WHERE notification_id = ANY(:ids)", route=route, ids=ids)
    rows.attempts().decide([route_missing(DueNotification(id_, route, "activity", b"{}", 0)) for id_ in ids])


def refuse(rows: Rows, ids: list[UUID], outcome: Outcome) -> None:
    """Record that the provider refused these."""
    works = [DueNotification(id_, "a_route", "activity", b"{}", 0) for id_ in ids]
    rows.attempts().decide([after_send(each, outcome, RetryPolicy()) for each in works])
