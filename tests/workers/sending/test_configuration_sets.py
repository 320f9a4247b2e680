"""A mail whose configuration set publishes no events: a lost answer does not make a second mail."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from bridge.deadlines import Deadlines
from bridge.feedback.events import feedback_of
from notifier import Email, Event, Identity
from notifier.notifications import Status
from notifier.outbox import OverdueAction, Settlement, Unknowns
from notifier.routes import Route, Routes
from tests.bridge.feedback import records
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env

__all__ = ["env", "ses", "templates_path"]

DEFAULT = "notifier"
A_ROUTE = Route("a_route", "activity", "email", lambda _: None, lambda _: True)
OWN = [
    {"identity": Identity("Blue <hello@blue.example>", "blue")},
    {"request": {"configuration_set": "blue"}},
]


def deliver(env: Environment, id_: UUID, request: dict[str, Any] | None = None, **options: Any) -> None:
    def build(event: Event) -> Email:
        return Email(to="ana@example.com", template="hello", context={"name": "Ana"}, **(request or {}))

    env.deliverer(build, **options).deliver([id_])


def event(env: Environment, id_: UUID) -> None:
    """Settle the `Send` event that SES publishes of the mail of this notification."""
    (mail,) = env.mails(id_)
    tags = {"nid": [str(id_)], "att": ["1"], "ses:configuration-set": [mail["configuration_set"]]}
    sent = records.send(messageId=mail["message_id"], tags=tags, timestamp=datetime.now(UTC).isoformat())
    settlement = Settlement(env.rows.engine, channel="email", configuration_set=DEFAULT)
    settlement.settle(feedback_of(sent))
    settlement.note_settled_before()


def decide(env: Environment) -> OverdueAction:
    env.rows.run("UPDATE due SET due_at = now() WHERE kind = 'unknown'")
    unknowns = Unknowns(env.rows.engine, 2.0, DEFAULT)
    decided = Deadlines(unknowns, Routes([A_ROUTE])).run_once()
    (action,) = (each for each, count in decided.items() if count)
    return action


@pytest.mark.parametrize("mode", ["single", "bulk"])
@pytest.mark.parametrize("own", OWN, ids=["of its route", "of its own"])
def test_a_lost_answer_of_a_set_without_events_is_held_and_no_second_mail_leaves(
    env: Environment, mode: str, own: dict[str, Any]
) -> None:
    env.channel._mode = mode
    lost, usual, later = env.pending("x@example.com", "x@example.com", "x@example.com")
    env.fault(kind="accept_then_cut", times=1)
    deliver(env, lost, **own)
    row = env.rows.delivery(lost)
    assert (row["status"], row["configuration_set"]) == ("unknown", "blue")
    for column in ("begun_at", "ended_at"):
        env.rows.run(f"UPDATE deliveries SET {column} = now() - interval '1 min' WHERE notification_id = '{lost}'")

    deliver(env, usual)
    event(env, usual)
    assert env.rows.delivery(usual)["configuration_set"] is None
    assert decide(env) is OverdueAction.HOLD
    assert env.rows.status(lost) is Status.UNKNOWN
    assert len(env.mails(lost)) == 1

    env.rows.run("UPDATE due SET kind = 'unknown'")  # as if it had not been decided: now events of its set flow
    deliver(env, later, **own)
    event(env, later)
    assert decide(env) is OverdueAction.RESEND


@pytest.mark.parametrize("name", ["no such\0name", "a" * 65, 7])
def test_a_set_that_ses_cannot_have_fails_its_mail_alone(env: Environment, name: Any) -> None:
    (id_,) = env.pending("x@example.com")
    deliver(env, id_, {"configuration_set": name})
    row = env.rows.delivery(id_)
    assert (row["status"], row["configuration_set"]) == ("failed", None)
