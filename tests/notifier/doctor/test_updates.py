"""What is wrong with the destinations of status updates is found and named."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from notifier.database.engine import connect
from notifier.doctor.finding import Level
from notifier.doctor.updates import waiting
from notifier.outbox import DestinationBacklog, StatusUpdates
from sandbox.embedded.allocation import free_port
from tests.notifier.doctor.conftest import Diagnose, LoginOf, as_login
from tests.notifier.doctor.test_postgres import login, url
from tests.outbox.rows import Rows
from tests.outbox.test_status_updates import sent
from tests.workers.channels.webhook.test_channel import certificate
from tests.workers.channels.wire import serve

__all__ = ["certificate", "login", "url"]

ARN = "arn:aws:{}:eu-west-1:000000000000:{}"
SECRET = "whsec_bG9jYWwtbG9jYWwtbG9jYWwtbG9jYWwt"


def test_no_route_asks_for_updates(diagnose: Diagnose) -> None:
    assert diagnose("destinations").at(Level.GOOD) == ["no route asks for status updates"]


def test_updates_without_a_destination(diagnose: Diagnose) -> None:
    diagnose("destinations", status_updates="failed").the(
        Level.WRONG, "NOTIFIER_STATUS_UPDATES asks", "NOTIFIER_STATUS_DESTINATIONS is not set"
    )


@pytest.mark.parametrize("resource", [("sqs", "none"), ("sns", "none"), ("events", "event-bus/none")])
def test_a_destination_that_does_not_exist(
    diagnose: Diagnose, ministack_server: Any, resource: tuple[str, str]
) -> None:
    arn = ARN.format(*resource)
    found = diagnose("destinations", status_destinations=arn, aws_endpoint_url=ministack_server.url)
    found.the(Level.WRONG, f"there is no {arn}", "NOTIFIER_STATUS_DESTINATIONS")


def test_destinations_that_exist(diagnose: Diagnose, ministack_server: Any) -> None:
    name = f"doctor-{uuid4().hex[:8]}"
    given = {"endpoint_url": ministack_server.url, "region_name": "eu-west-1"}
    boto3.client("sqs", **given).create_queue(QueueName=name)
    boto3.client("sns", **given).create_topic(Name=name)
    boto3.client("events", **given).create_event_bus(Name=name)
    arns = [ARN.format("sqs", name), ARN.format("sns", name), ARN.format("events", f"event-bus/{name}")]
    found = diagnose("destinations", status_destinations=",".join(arns), aws_endpoint_url=ministack_server.url)
    assert [f"there is {arn}" for arn in arns] == [each.partition(";")[0] for each in found.at(Level.GOOD)]


def test_what_is_no_destination(diagnose: Diagnose) -> None:
    diagnose("destinations", status_destinations="arn:aws:s3:::bucket").the(Level.WRONG, "not the ARN of", "'arn:'")


def test_a_webhook_that_cannot_be_reached_and_is_not_signed(diagnose: Diagnose) -> None:
    found = diagnose("destinations", status_destinations=f"https://127.0.0.1:{free_port()}/updates")
    found.the(Level.WRONG, "cannot be reached: Connection refused")
    found.the(Level.WRONG, "NOTIFIER_STATUS_SECRET is not set")


def test_only_a_status_sender_needs_the_secret_of_webhooks(diagnose: Diagnose, login_of: LoginOf) -> None:
    with serve() as wire:
        given = {"status_destinations": wire.url, "allow_nondurable_database": "true"}
        found = diagnose("destinations", database_url=login_of("bridge"), **given)
        found.the(Level.UNKNOWN, "whether webhooks can be signed", "notifier status-sender")
        assert (found.at(Level.WRONG), len(found.at(Level.GOOD))) == ([], 1)
        found = diagnose("destinations", database_url=login_of("status_sender"), **given)
        found.the(Level.WRONG, "NOTIFIER_STATUS_SECRET is not set")


def test_a_webhook_with_an_untrusted_certificate(diagnose: Diagnose, certificate: Path) -> None:
    with serve(certificate=certificate) as wire:
        url = wire.url.replace("127.0.0.1", "localhost")
        found = diagnose("destinations", status_destinations=url, status_secret=SECRET)
        found.the(Level.WRONG, "certificate of the webhook's host localhost is not valid: self-signed")
    assert wire.requests == []


def test_a_webhook_that_can_be_reached(diagnose: Diagnose) -> None:
    with serve() as wire:
        found = diagnose("destinations", status_destinations=wire.url, status_secret=SECRET)
        assert found.at(Level.GOOD) == [f"the webhook's host {wire.url.removeprefix('http://')} can be reached"]
    assert wire.requests == []


def test_a_login_that_may_not_look(diagnose: Diagnose, url: str, login: str) -> None:
    found = diagnose("updates", database_url=as_login(url, login), allow_nondurable_database="true")
    assert found.at(Level.WRONG) == []
    assert len(found.at(Level.UNKNOWN)) == 1


def test_a_destination_that_accepts_nothing_and_updates_without_a_sender(diagnose: Diagnose, url: str) -> None:
    engine = connect(url)
    rows, outbox = Rows(engine), StatusUpdates(engine)
    sent(rows)
    outbox.assign(["https://down.example", "https://gone.example"])
    outbox.note_failure("https://down.example", "503 Service Unavailable")
    sent(rows)
    rows.run("UPDATE status_updates SET at = now() - interval '1 h' WHERE destination = ''")
    found = diagnose(
        "updates", database_url=url, allow_nondurable_database="true", status_destinations="https://down.example"
    )
    found.the(Level.WRONG, "https://down.example accepts no status updates", "503 Service Unavailable")
    found.the(Level.WRONG, "no process sends them", "notifier status-sender")
    found.the(Level.DOUBTFUL, "https://gone.example, which is not in NOTIFIER_STATUS_DESTINATIONS")
    engine.dispose()


def test_a_destination_that_works() -> None:
    one = DestinationBacklog("https://a.example", 2, 0, 80, 0, None, None, None, None, 3.0)
    (found,) = waiting([one], ["https://a.example"])
    assert (found.level, found.what) == (Level.GOOD, "https://a.example accepted 80 status updates; 2 wait")
