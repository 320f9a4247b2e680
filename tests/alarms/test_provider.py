"""The alarms of the provider's answers and events, and of those who wait for them."""

from signal import SIGKILL
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.aws import aws_client
from notifier.database.engine import connect
from sandbox.system import local_session
from tests.alarms.faults import causes
from tests.alarms.watched import BEHIND, Watched, alarm, of_process
from tests.chaos.environment import _settings, queue_url
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(500)

PROCESSES = ("bridge", "worker", "feedback")
HIGH_WATER = 20
OPTIONS = {"NOTIFIER_OUTBOX_HIGH_WATER": str(HIGH_WATER)}
PRODUCT = "product"


def prepare(_: Watched) -> None:
    """Nothing is needed beside the table."""


@pytest.fixture(scope="module")
def engine(running: Watched) -> Any:
    engine = connect(running.world.postgres.url("notifier"))
    yield engine
    engine.dispose()


@causes("NotifierChannelStopped", "NotifierOutboxFull")
def test_a_provider_that_blocks_the_account(watched: Watched) -> None:
    blocked = {"kind": "refuse", "code": "SendingPausedException", "message": "Sending is paused.", "status": 400}
    watched.world.spoil_ses(blocked)
    watched.write("told", 3)
    watched.expect(alarm("NotifierChannelStopped", channel="email"))
    with watched.writing("told", seconds=0.3):
        watched.expect(alarm("NotifierOutboxFull", channel="email"), beside=BEHIND)
    watched.world.heal()
    watched.quiet()


@causes("NotifierFeedbackDeadLetters")
def test_a_queue_that_gets_something_else(watched: Watched) -> None:
    world = watched.world
    sqs(watched).send_message(QueueUrl=queue_url(world.sqs), MessageBody="Hello. Is this the queue of the orders?")
    watched.expect(alarm("NotifierFeedbackDeadLetters"))
    watched.command("audit", "--acknowledge-dead-letters")
    watched.quiet()


@causes("NotifierOutcomesUnknown")
def test_lost_answers_of_which_no_event_comes(watched: Watched, engine: Engine) -> None:
    watched.world.spoil_ses({"kind": "cut_before_accept", "match": {"recipient": "held-*"}})
    with watched.writing("told", seconds=3.0):  # their events show that events come, and leave the queue empty
        watched.child("feedback").stop(SIGKILL)  # while it does not run, nothing is decided
        watched.write("held")
        watched.expect(
            alarm("NotifierOutcomesUnknown", channel="email", kind="unknown"), beside=["NotifierEventsLate"]
        )
        watched.start("feedback")
        watched.expect(alarm("NotifierOutcomesUnknown", channel="email", kind="held"))
        for id_ in unknown(engine):
            watched.command("resolve", id_, "--failed", "--reason", "the provider has no such mail")
        watched.world.heal()
        watched.quiet()


@causes("NotifierEventsLate", "NotifierDuplicates")
def test_a_feedback_process_that_does_not_run_and_an_operator_who_sends_again(
    watched: Watched, engine: Engine
) -> None:
    watched.write("told")
    come = 'notifier_feedback_newest_send_seconds{channel="email"}'
    wait_until(lambda: watched.prometheus.values(come), 90)
    watched.child("feedback").stop(SIGKILL)
    watched.world.spoil_ses({"kind": "accept_then_cut", "match": {"recipient": "held-*"}})
    watched.write("held")
    unknowns = alarm("NotifierOutcomesUnknown", channel="email", kind="unknown")
    watched.expect(unknowns, alarm("NotifierEventsLate", channel="email"))
    watched.world.heal()
    for id_ in unknown(engine):
        watched.command("resolve", id_, "--resend", "--reason", "I do not wait for its event")
    wait_until(lambda: not unknown(engine), 90)
    watched.start("feedback")
    watched.expect(alarm("NotifierDuplicates"))
    watched.quiet()


@causes("NotifierStatusUpdatesWait")
def test_status_updates_without_a_sender_and_a_destination_that_refuses(watched: Watched) -> None:
    watched.write("reported")
    watched.expect(alarm("NotifierStatusUpdatesWait"))
    arn = f"arn:aws:sqs:eu-west-1:000000000000:{PRODUCT}"
    watched.start("status-sender", NOTIFIER_STATUS_DESTINATIONS=arn)
    watched.expect(
        alarm("NotifierStatusUpdatesWait", destination=arn), of_process("NotifierNotReady", "status-sender")
    )
    sqs(watched).create_queue(QueueName=PRODUCT)
    watched.quiet()


def sqs(watched: Watched) -> Any:
    """Return a client of the emulator of SQS."""
    settings = _settings(watched.world.environment)
    session = local_session(settings)
    return aws_client("sqs", settings, connect_timeout=3, read_timeout=10, attempts=3, session=session)


def unknown(engine: Engine) -> list[str]:
    """Return the ids of the deliveries whose outcome is unknown."""
    rows = Sql(engine).all("SELECT notification_id FROM deliveries WHERE status = 'unknown'")
    return [str(row["notification_id"]) for row in rows]
